import * as path from "node:path";
import { invalidArgument, messageOf } from "../base/mod.ts";
import { envNames, fileKey, flagName, type Flags, type Values } from "./flags.ts";
import { nearest } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

/** Read from the working directory where no `--config` says otherwise. */
export const CONFIG_FILE_DEFAULT = "mini-faas.json";
const CONFIG_BYTES_MAX = 64 * 1024;

/** A config file, read but not looked at. */
export interface ConfigFile {
  readonly name: string;
  readonly entries: Readonly<Record<string, unknown>>;
}

export interface Sources {
  /** Text of the flags that were given, by key. */
  readonly given: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file?: ConfigFile;
}

/**
 * The value of every flag: from the command line, else (settings only) from the environment, else from the config
 * file, else its default. Throws {@linkcode UsageError} naming where a wrong value stands, what it is, what is allowed.
 */
export function resolveValues<F extends Flags>(flags: F, { given, env, file }: Sources): Values<F> {
  const values: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(flags)) {
    const take = (text: string | undefined, place: string, found: unknown = text) => {
      const value = text === undefined ? undefined : one.kind.parse(text);
      if (value === undefined) throw new UsageError(invalidArgument(place, found, one.kind.allowed).message);
      values[key] = value;
    };
    const text = given.get(key);
    const variable = one.setting ? envNames(key, one).find((name) => env[name]) : undefined;
    const entry = one.setting ? file?.entries[fileKey(key)] : undefined;
    if (text !== undefined) take(text, flagName(key));
    else if (variable) take(env[variable]!, variable);
    else if (entry !== undefined) {
      take(textOf(entry), `${fileKey(key)} in ${file!.name}`, textOf(entry) ?? JSON.stringify(entry));
    } else values[key] = one.default;
  }
  return values as Values<F>;
}

/**
 * The config file at `given`, or the default one where it exists. `known` are all settings there are: a key that is
 * none of them is refused. Throws {@linkcode UsageError}.
 */
export function readConfigFile(given: string | undefined, cwd: string, known: Flags): ConfigFile | undefined {
  const name = given ?? CONFIG_FILE_DEFAULT;
  let text: string;
  try {
    text = Deno.readTextFileSync(path.resolve(cwd, name));
  } catch (error) {
    if (given === undefined && error instanceof Deno.errors.NotFound) return undefined;
    throw new UsageError(`config file ${name} cannot be read: ${messageOf(error)}`);
  }
  if (text.length > CONFIG_BYTES_MAX) {
    throw new UsageError(`config file ${name} is larger than ${CONFIG_BYTES_MAX} bytes`);
  }
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`config file ${name} is not JSON: ${messageOf(error)}`);
  }
  if (typeof entries !== "object" || entries === null || Array.isArray(entries)) {
    throw new UsageError(`config file ${name} must be one JSON object, like {"log-level": "debug"}`);
  }
  const keys = Object.keys(known).filter((key) => known[key].setting).map(fileKey);
  for (const key of Object.keys(entries)) {
    if (keys.includes(key)) continue;
    const meant = nearest(key, keys);
    throw new UsageError(`${key} in ${name} is no setting${meant ? `; did you mean ${meant}?` : ""}`);
  }
  return { name, entries: entries as Record<string, unknown> };
}

/** What would stand on the command line; undefined for what could not. */
function textOf(entry: unknown): string | undefined {
  if (Array.isArray(entry) && entry.every((one) => typeof one === "string")) return entry.join(",");
  return typeof entry === "object" ? undefined : String(entry);
}
