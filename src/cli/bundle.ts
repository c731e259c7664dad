import * as path from "node:path";
import { stripTypeScriptTypes } from "node:module";
import { CODE_BYTES_MAX, messageOf, MIB } from "../base/mod.ts";
import { UsageError } from "./usage_error.ts";

/** Looked for in a folder, in this order. */
const ENTRIES = ["main", "mod", "index"].flatMap((stem) => ["ts", "tsx", "js", "mjs"].map((type) => `${stem}.${type}`));
const TYPES = [".ts", ".mts", ".tsx", ".js", ".mjs", ".jsx"];
/** Whether a module may import another one. A word in a comment or a string counts too: then it is bundled in vain. */
const IMPORTS = /\bimport\b|\bexport\b[^;]*?\bfrom\s*["']/;
/** What the bundler says when it could not be fetched. */
const BUNDLER_MISSING = /esbuild/i;

/** Code that is ready to be deployed. */
export interface Bundle {
  /** One self-contained JavaScript module. */
  readonly code: Uint8Array<ArrayBuffer>;
  /** The file it begins with. */
  readonly entry: string;
}

/**
 * Makes one self-contained module of a file or a folder (`main.ts`, `mod.ts`, `index.ts`, …) and all it imports: local
 * files, JSON, npm packages. A file that imports nothing needs no bundler. Throws {@linkcode UsageError}.
 */
export async function bundle(fileOrFolder: string, cwd: string): Promise<Bundle> {
  const entry = await findEntry(fileOrFolder, cwd);
  const source = await Deno.readTextFile(entry);
  const code = new TextEncoder().encode(needsBundler(entry, source) ? await runBundler(entry) : plain(entry, source));
  if (code.length > CODE_BYTES_MAX) {
    const found = `${(code.length / MIB).toFixed(1)} MiB`;
    throw new UsageError(`${fileOrFolder} makes a bundle of ${found}, at most ${CODE_BYTES_MAX / MIB} MiB are allowed`);
  }
  return { code, entry };
}

/** The name a function gets by its file or folder. */
export function functionNameOf(entry: string): string {
  const stem = path.basename(entry, path.extname(entry));
  const isGeneric = ENTRIES.includes(path.basename(entry)) || ["main", "mod", "index"].includes(stem);
  return (isGeneric ? path.basename(path.dirname(entry)) : stem).toLowerCase();
}

async function findEntry(fileOrFolder: string, cwd: string): Promise<string> {
  const full = path.resolve(cwd, fileOrFolder);
  let isFolder: boolean;
  try {
    isFolder = (await Deno.stat(full)).isDirectory;
  } catch (error) {
    throw new UsageError(`${fileOrFolder} cannot be read: ${messageOf(error)}`);
  }
  if (!isFolder) {
    if (TYPES.includes(path.extname(full))) return full;
    throw new UsageError(
      `${fileOrFolder} is no module, must end in ${TYPES.slice(0, -1).join(", ")} or ${TYPES.at(-1)}`,
    );
  }
  const present = new Set<string>();
  for await (const { name } of Deno.readDir(full)) present.add(name);
  const entry = ENTRIES.find((name) => present.has(name));
  if (!entry) throw new UsageError(`${fileOrFolder} has no entry, must hold one of ${ENTRIES.join(", ")}`);
  return path.join(full, entry);
}

function needsBundler(entry: string, source: string): boolean {
  return IMPORTS.test(source) || [".tsx", ".jsx"].includes(path.extname(entry));
}

/** Typed loosely: newer type packages leave out this mode, which Deno has. */
const REWRITE: object = { mode: "transform" };

/** A module that imports nothing: only its types have to go, its lines stay where they are. */
function plain(entry: string, source: string): string {
  if ([".js", ".mjs"].includes(path.extname(entry))) return source;
  const sourceUrl = path.basename(entry);
  try {
    return stripTypeScriptTypes(source, { mode: "strip" });
  } catch {
    // Enums and the like are more than types: they have to be rewritten, and a real mistake shows there too.
    try {
      return stripTypeScriptTypes(source, REWRITE);
    } catch (error) {
      throw new UsageError(`${sourceUrl} cannot be read as TypeScript: ${messageOf(error)}`);
    }
  }
}

async function runBundler(entry: string): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform=deno", "--format=esm", entry],
    cwd: path.dirname(entry),
    env: { NO_COLOR: "1" },
    stdin: "null",
  });
  const { success, stdout, stderr } = await command.output();
  if (success) return new TextDecoder().decode(stdout);
  const said = complaint(new TextDecoder().decode(stderr));
  const hint = BUNDLER_MISSING.test(said)
    ? "; the bundler is fetched once, which needs the network; code that imports nothing needs no bundler"
    : "";
  throw new UsageError(`${entry} cannot be bundled: ${said}${hint}`);
}

/** What went wrong and where, of all that the bundler says. */
function complaint(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const end = lines.findIndex((line) => line.startsWith("Stack backtrace"));
  const told = (end < 0 ? lines : lines.slice(0, end)).filter((line) =>
    !/^error: bundling failed|experimental/.test(line)
  );
  const first = told.findIndex((line) => line.startsWith("error:"));
  return told.slice(Math.max(0, first), first + 6).join(" ").replace(/^error: /, "") || "it does not say why";
}
