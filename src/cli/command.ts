import { type Flag, flag, type Flags, type Values } from "./flags.ts";
import type { Io } from "./io.ts";
import { onOff } from "./kinds.ts";

/** How the process ends. */
export const EXIT = {
  ok: 0,
  /** The platform refused the call, could not be reached, or the function failed. */
  failed: 1,
  /** The command line, a variable or a file says what cannot be meant. */
  usage: 2,
} as const;

export interface Input<F extends Flags> {
  readonly values: Values<F & typeof outputFlags>;
  /** What is no flag: as many as the command declares. */
  readonly rest: readonly string[];
  readonly io: Io;
}

/** One thing the command line can do. */
export interface Command<F extends Flags = Flags> {
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** What stands after the name; `[x]` may be left out. */
  readonly takes: readonly string[];
  readonly flags: F;
  /** More to know: paragraphs. */
  readonly details?: readonly string[];
  readonly examples: readonly string[];
  /** Does it and answers with the exit code; errors are told by the caller. */
  run(input: Input<F>): Promise<number>;
}

/** Every command takes these. */
export const outputFlags: { readonly json: Flag<boolean> } = {
  json: flag(onOff, false, "answer in JSON, for programs"),
};

/** Declares a command; keeps the types of its flags. */
export function command<F extends Flags>(one: Command<F>): Command {
  return one as unknown as Command;
}

/** Writes one JSON document. */
export function outJson(io: Io, value: unknown): void {
  io.out(JSON.stringify(value, (_, part) => typeof part === "bigint" ? Number(part) : part) + "\n");
}
