import { type FailureKind, MIB } from "../../../base/mod.ts";

/**
 * What a simulated invocation does: first it uses the processor, then it sleeps, holding its memory all the while.
 * A function's code may be such a program as JSON, and an event may override parts of it in the same form.
 */
export interface Program {
  readonly cpuMs: number;
  readonly sleepMs: number;
  readonly memoryBytes: number;
  /** How it ends; missing where it ends well. `import` fails the container's start. */
  readonly failure?: FailureKind;
  /** A line that it prints. */
  readonly print?: string;
  /** What it answers, as JSON. */
  readonly answer: unknown;
}

const FAILURES = new Set<unknown>(
  ["exception", "import", "crash", "out_of_memory", "output_limit"] satisfies FailureKind[],
);
const IDLE: Program = { cpuMs: 0, sleepMs: 0, memoryBytes: 0, answer: null };

/** The program in `bytes`, on top of `base`. What is no JSON object changes nothing; what is no fit is left out. */
export function parseProgram(bytes: Uint8Array, base: Program = IDLE): Program {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return base;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return base;
  const { cpuMs, sleepMs, memoryMiB, failure, print, answer } = value;
  return {
    cpuMs: amount(cpuMs) ?? base.cpuMs,
    sleepMs: amount(sleepMs) ?? base.sleepMs,
    memoryBytes: amount(memoryMiB) === undefined ? base.memoryBytes : amount(memoryMiB)! * MIB,
    failure: FAILURES.has(failure) ? failure as FailureKind : base.failure,
    print: typeof print === "string" ? print : base.print,
    answer: answer === undefined ? base.answer : answer,
  };
}

function amount(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && Number.isFinite(value) ? value : undefined;
}
