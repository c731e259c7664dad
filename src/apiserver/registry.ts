import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import {
  assert,
  type Clock,
  CODE_BYTES_MAX,
  functionKey,
  type FunctionSpec,
  invalidArgument,
  PlatformError,
} from "../base/mod.ts";
import { guarded, openDatabase } from "./database.ts";
import { fromRow, type FunctionRecord, sameSettings, type VersionRow } from "./records.ts";

/** Versions kept of one function: the newest, the active one among them. */
export const VERSIONS_KEPT_MAX = 100;
/** Functions that one registry holds: all of them are in memory too. */
export const FUNCTIONS_MAX = 10_000;

/** What names a function. */
export interface FunctionName {
  readonly accountId: string;
  readonly functionName: string;
}
/** All that a deploy sets. */
export type Deployment = Omit<FunctionSpec, "version" | "codeHash"> & { readonly code: Uint8Array };

/**
 * Functions, their versions and their code, in one SQLite file. The active versions are held in memory too, so that
 * an invocation reads no file. A change that was answered is on disk, whatever happens to the process afterwards.
 *
 * Version numbers of a name only ever rise: through a remove and a new deploy, and for a rollback too, which is a new
 * version with an earlier one's code and settings. So the greater version is always the one that counts.
 *
 * ```ts ignore
 * const registry = new Registry({ folder: Deno.makeTempDirSync(), clock: systemClock });
 * registry.deploy({
 *   accountId: "default", functionName: "hello", handler: "", memoryBytes: 128 << 20, timeoutMs: 60_000,
 *   concurrency: 1, allowNet: [], code: new TextEncoder().encode("export function handler() {}"),
 * });
 * registry.resolve({ accountId: "default", functionName: "hello" }).version; // 1
 * registry.close();
 * ```
 */
export class Registry {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #clock: Clock;
  readonly #active = new Map<string, FunctionRecord>();

  /** Errors: `failed_precondition` naming the file where it is corrupt, in use or not writable. */
  constructor(options: { folder: string; clock: Clock }) {
    const { database, file } = openDatabase(options.folder);
    this.#database = database;
    this.#file = file;
    this.#clock = options.clock;
    for (const row of this.#rows("WHERE f.active_version = v.version")) this.#remember(fromRow(row));
  }

  /** Functions that can be invoked. */
  get size(): number {
    return this.#active.size;
  }

  /** The version that invocations run. Errors: `not_found`. Reads memory only. */
  resolve(name: FunctionName): FunctionRecord {
    const record = this.#active.get(functionKey(name));
    if (record === undefined) throw unknownFunction(name);
    return record;
  }

  /** Every function's active version, ordered by account and name. */
  list(): FunctionRecord[] {
    const order = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;
    return [...this.#active.values()].sort((a, b) =>
      order(a.accountId, b.accountId) || order(a.functionName, b.functionName)
    );
  }

  /** Stores the next version and makes it the active one; the same code and settings as the active one change nothing. */
  deploy(deployment: Deployment): { function: FunctionRecord; changed: boolean } {
    const { code, ...settings } = deployment;
    assert(code.length > 0 && code.length <= CODE_BYTES_MAX, `code has ${code.length} bytes`);
    const codeHash = createHash("sha256").update(code).digest("hex");
    const active = this.#active.get(functionKey(settings));
    if (active && sameSettings(active, { ...settings, codeHash })) return { function: active, changed: false };
    return { function: this.#append({ ...settings, codeHash }, code), changed: true };
  }

  /** Makes an earlier version's code and settings the active ones, as a new version. Errors: `not_found`. */
  activate(name: FunctionName, version: number): FunctionRecord {
    const wanted = this.describe(name, version);
    return wanted.active ? wanted : this.#append(wanted);
  }

  /** Forgets a function and all its versions; answers how many. Errors: `not_found`. */
  remove(name: FunctionName): number {
    this.resolve(name);
    const { accountId, functionName } = name;
    const removed = this.#transaction(() => {
      this.#run("UPDATE functions SET active_version = 0 WHERE account_id = ? AND function_name = ?", [
        accountId,
        functionName,
      ]);
      return this.#forget("account_id = ? AND function_name = ?", [accountId, functionName]);
    });
    this.#active.delete(functionKey(name));
    return removed;
  }

  /** One version, or with 0 the active one. Errors: `not_found`. */
  describe(name: FunctionName, version = 0): FunctionRecord {
    const active = this.resolve(name);
    if (version === 0 || version === active.version) return active;
    if (version < 0) throw invalidArgument("version", version, "0 (the active one) or more");
    const found = this.versions(name).find((record) => record.version === version);
    if (found === undefined) {
      const message = `Function "${name.functionName}" of account "${name.accountId}" has no version ${version}: ` +
        `the active one is ${active.version}, the ${VERSIONS_KEPT_MAX} newest are kept`;
      throw new PlatformError("not_found", message);
    }
    return found;
  }

  /** The versions that are kept, newest first. Errors: `not_found`. */
  versions(name: FunctionName): FunctionRecord[] {
    this.resolve(name);
    const where = "WHERE v.account_id = ? AND v.function_name = ? ORDER BY v.version DESC";
    return this.#rows(where, [name.accountId, name.functionName]).map(fromRow);
  }

  /** A bundle by its SHA-256. Errors: `not_found`; `data_loss` where the file no longer holds what was stored. */
  code(hash: string): Uint8Array {
    const row = guarded(
      this.#file,
      () => this.#database.prepare("SELECT code FROM bundles WHERE code_hash = ?").get(hash),
    ) as { code: Uint8Array } | undefined;
    if (row === undefined) throw new PlatformError("not_found", `There is no code with hash ${JSON.stringify(hash)}`);
    if (createHash("sha256").update(row.code).digest("hex") !== hash) {
      throw new PlatformError("data_loss", `${this.#file} holds damaged code for hash ${hash}: deploy it again`);
    }
    return row.code;
  }

  /** Closes the file. Nothing is lost without it; twice is the same as once. */
  close(): void {
    if (this.#database.isOpen) this.#database.close();
    this.#active.clear();
  }

  #append(settings: Omit<FunctionSpec, "version">, code?: Uint8Array): FunctionRecord {
    const { accountId, functionName, codeHash } = settings;
    const name = [accountId, functionName];
    const version = this.#transaction(() => {
      this.#checkRoom(settings);
      if (code) {
        this.#run("INSERT INTO bundles VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [codeHash, code.length, code]);
      }
      const { last_version: version } = this.#database.prepare(
        `INSERT INTO functions VALUES (?, ?, 1, 1) ON CONFLICT DO UPDATE
         SET last_version = last_version + 1, active_version = last_version + 1 RETURNING last_version`,
      ).get(...name) as { last_version: number };
      const { handler, memoryBytes, timeoutMs, concurrency, allowNet } = settings;
      const values = [codeHash, handler, memoryBytes, timeoutMs, concurrency, JSON.stringify(allowNet)];
      const row = [...name, version, ...values, this.#clock.wallMs()];
      this.#run("INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row);
      this.#forget(
        `account_id = ? AND function_name = ? AND version NOT IN (SELECT version FROM versions
         WHERE account_id = ? AND function_name = ? ORDER BY version DESC LIMIT ${VERSIONS_KEPT_MAX})`,
        [...name, ...name],
      );
      return version;
    });
    const where = "WHERE v.account_id = ? AND v.function_name = ? AND v.version = ?";
    const [row] = this.#rows(where, [...name, version]);
    return this.#remember(fromRow(row));
  }

  #checkRoom(name: FunctionName): void {
    if (this.size < FUNCTIONS_MAX || this.#active.has(functionKey(name))) return;
    const message = `The registry holds ${this.size} functions, as many as are allowed: remove one first`;
    throw new PlatformError("resource_exhausted", message);
  }

  /** Deletes the versions that match, then the code that no version refers to any more. */
  #forget(where: string, values: (string | number)[]): number {
    const gone = this.#database.prepare(`DELETE FROM versions WHERE ${where} RETURNING code_hash`).all(...values);
    for (const { code_hash: hash } of gone as { code_hash: string }[]) {
      this.#run("DELETE FROM bundles WHERE code_hash = ? AND NOT EXISTS (SELECT 1 FROM versions WHERE code_hash = ?)", [
        hash,
        hash,
      ]);
    }
    return gone.length;
  }

  #remember(record: FunctionRecord): FunctionRecord {
    assert(record.active, `version ${record.version} of ${functionKey(record)} is remembered but not active`);
    this.#active.set(functionKey(record), record);
    return record;
  }

  #rows(where: string, values: (string | number)[] = []): VersionRow[] {
    const sql = `SELECT v.*, b.size_bytes, f.active_version FROM versions v
      JOIN functions f USING (account_id, function_name) JOIN bundles b USING (code_hash) ${where}`;
    return guarded(this.#file, () => this.#database.prepare(sql).all(...values)) as unknown as VersionRow[];
  }

  #run(sql: string, values: (string | number | Uint8Array)[]): void {
    this.#database.prepare(sql).run(...values);
  }

  #transaction<T>(work: () => T): T {
    return guarded(this.#file, () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  /** Some failures (a full disk) have rolled back already. */
  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // The first error is the one to tell.
    }
  }
}

function unknownFunction(name: FunctionName): PlatformError {
  return new PlatformError("not_found", `There is no function "${name.functionName}" in account "${name.accountId}"`);
}
