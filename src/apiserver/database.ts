import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf, MIB, PlatformError } from "../base/mod.ts";
import { checkOwner, migrate } from "./schema.ts";

/** The registry's file in the data folder. */
export const REGISTRY_FILE = "registry.db";
/** Files up to this size are checked throughout when opened; a larger one would hold up the start. */
const CHECKED_BYTES_MAX = 256 * MIB;

/** An open database, and where it is. */
export interface OpenDatabase {
  readonly database: DatabaseSync;
  readonly file: string;
}

/**
 * Opens the registry in `folder`, making folder (mode 0700) and file (0600) where there are none. The file is this
 * process's alone until it is closed or the process ends. A commit is on disk when it returns (WAL, synchronous=FULL).
 * Throws `failed_precondition` naming the file where it cannot be used; nothing is ever deleted.
 */
export function openDatabase(folder: string): OpenDatabase {
  const file = join(folder, REGISTRY_FILE);
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
    database = new DatabaseSync(file);
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    checkOwner(database, file);
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; BEGIN IMMEDIATE; COMMIT");
    checkWhole(database, file);
    migrate(database);
    return { database, file };
  } catch (error) {
    database?.close();
    throw explain(error, file);
  }
}

function checkWhole(database: DatabaseSync, file: string): void {
  if (statSync(file).size > CHECKED_BYTES_MAX) return;
  const { quick_check: found } = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (found !== "ok") throw corrupt(file, found);
}

/** Runs `work` on the file; what SQLite throws comes out as a PlatformError that names it. */
export function guarded<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explain(error, file);
  }
}

function explain(error: unknown, file: string): unknown {
  if (error instanceof PlatformError) return error;
  const message = messageOf(error);
  const { code } = error as { code?: string };
  if (/not a database|malformed/.test(message)) return corrupt(file, message);
  if (/locked/.test(message)) {
    return precondition(`${file} is in use by another process: stop it, or choose another data folder`, error);
  }
  if (/readonly|unable to open/.test(message) || (code !== "ERR_SQLITE_ERROR" && code?.startsWith("E"))) {
    const hint = "choose a data folder that this user may write to";
    return precondition(`Cannot open ${file} (${message}): ${hint}`, error);
  }
  if (/full|disk I\/O/.test(message)) {
    return new PlatformError("unavailable", `Cannot write ${file}: ${message}`, { cause: error });
  }
  return error;
}

function corrupt(file: string, found: string): PlatformError {
  const hint = "it is left as it is; restore a copy, or move it away to start with an empty registry";
  return precondition(`${file} is corrupt (${found.replaceAll(/\s*\n\s*/g, " ")}): ${hint}`);
}

function precondition(message: string, cause?: unknown): PlatformError {
  return new PlatformError("failed_precondition", message, { cause });
}
