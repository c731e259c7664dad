import type { Kind } from "./kinds.ts";

/** One flag of a command. */
export interface Flag<T> {
  readonly kind: Kind<Exclude<T, undefined>>;
  /** What it does, in one line. */
  readonly help: string;
  readonly default: T;
  /** One letter: `-f`. */
  readonly short?: string;
  /** A setting may also stand in the environment (`MINIFAAS_<NAME>`) and in the config file. */
  readonly setting: boolean;
  /** Further variables it is read from. */
  readonly env: readonly string[];
}

// deno-lint-ignore no-explicit-any -- a set of flags mixes values of all types
export type Flags = Readonly<Record<string, Flag<any>>>;

/** What the flags of a set come to, by name. */
export type Values<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

interface Extra {
  readonly short?: string;
  readonly env?: readonly string[];
}

/** A flag with a default, on the command line only. */
export function flag<T>(kind: Kind<T>, value: NoInfer<T>, help: string, extra: Extra = {}): Flag<T> {
  return { kind: kind as Flag<T>["kind"], default: value, help, setting: false, ...extra, env: extra.env ?? [] };
}

/** A flag that may be left out, on the command line only. */
export function optional<T>(kind: Kind<T>, help: string, extra: Extra = {}): Flag<T | undefined> {
  return { ...flag(kind, undefined as T, help, extra) } as Flag<T | undefined>;
}

/** The same flag as a setting. */
export function setting<T>(one: Flag<T>): Flag<T> {
  return { ...one, setting: true };
}

/** `--node-memory` of `nodeMemory`. */
export function flagName(key: string): string {
  return `--${fileKey(key)}`;
}

/** `node-memory` of `nodeMemory`: the key in the config file. */
export function fileKey(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Variables that the setting `key` is read from, the first that is set wins. */
export function envNames(key: string, one: Flag<unknown>): string[] {
  return [`MINIFAAS_${fileKey(key).replaceAll("-", "_").toUpperCase()}`, ...one.env];
}
