import type { DatabaseSync } from "node:sqlite";
import { PlatformError } from "../base/mod.ts";

/** Marks a SQLite file as ours ("mfas"). */
const APPLICATION_ID = 0x6d666173;

/**
 * One step per schema version, applied in order and never edited once released: a file of version n has seen the first
 * n steps.
 *
 * `functions` keeps a row for a removed function (`active_version` 0), so that no version number is ever used twice
 * for one name: whoever compares two versions of a function knows which is newer.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE functions (
     account_id TEXT NOT NULL,
     function_name TEXT NOT NULL,
     active_version INTEGER NOT NULL,
     last_version INTEGER NOT NULL,
     PRIMARY KEY (account_id, function_name)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE versions (
     account_id TEXT NOT NULL,
     function_name TEXT NOT NULL,
     version INTEGER NOT NULL,
     code_hash TEXT NOT NULL REFERENCES bundles (code_hash),
     handler TEXT NOT NULL,
     memory_bytes INTEGER NOT NULL,
     timeout_ms INTEGER NOT NULL,
     concurrency INTEGER NOT NULL,
     allow_net TEXT NOT NULL,
     created_at_ms INTEGER NOT NULL,
     PRIMARY KEY (account_id, function_name, version)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX versions_by_code ON versions (code_hash);
   CREATE TABLE bundles (
     code_hash TEXT NOT NULL PRIMARY KEY,
     size_bytes INTEGER NOT NULL,
     code BLOB NOT NULL
   ) STRICT;`,
];

/** The schema version that this program writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Throws `failed_precondition` for a file that is not ours, or a newer program's; changes nothing. */
export function checkOwner(database: DatabaseSync, file: string): void {
  const version = pragma(database, "user_version");
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get() as { n: number };
  if (pragma(database, "application_id") !== APPLICATION_ID && tables.n > 0) {
    throw new PlatformError(
      "failed_precondition",
      `${file} is not a registry of mini-faas: move it away, or choose another data folder`,
    );
  }
  if (version > SCHEMA_VERSION) {
    throw new PlatformError(
      "failed_precondition",
      `${file} has schema version ${version}, this program knows up to ${SCHEMA_VERSION}: use a newer mini-faas`,
    );
  }
}

/** Brings the file to {@linkcode SCHEMA_VERSION}, in one transaction. */
export function migrate(database: DatabaseSync): void {
  const version = pragma(database, "user_version");
  if (version === SCHEMA_VERSION) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const step of MIGRATIONS.slice(version)) database.exec(step);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

function pragma(database: DatabaseSync, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get() as Record<string, number>;
  return row[name];
}
