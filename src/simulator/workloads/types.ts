/** What a workload is: which functions there are, and which calls of them come when. */
import {
  assert,
  checkFunctionName,
  checkInteger,
  FUNCTION_MEMORY_BYTES_MIN,
  invalidArgument,
  MIB,
  TIMEOUT_MS_MAX,
} from "../../base/mod.ts";

/** More functions than the whole Azure Functions trace of 2019 has (about 80,000). */
export const FUNCTIONS_MAX = 100_000;
/** What fits in memory with room to spare: 10 million calls are 360 MB of typed arrays. */
export const CALLS_MAX = 10_000_000;
/** The longest workload: two weeks, the length of the public traces. */
export const DURATION_MS_MAX = 14 * 86_400_000;
/** Most work that one call may have, of either kind: as long as it could ever run. */
export const WORK_MS_MAX = TIMEOUT_MS_MAX;
/** More memory than a container may have. */
export const MEMORY_BYTES_MAX = 1024 * 1024 * MIB;

/** One function of a workload. */
export interface WorkloadFunction {
  /** What the scheduler sees as the function's name; says nothing of what the function does. */
  readonly id: string;
  /** What people see in reports; never shown to a policy. */
  readonly label: string;
  readonly memoryBytes: number;
  readonly timeoutMs: number;
}

/** The calls of a workload by index, each array `count` long, sorted by `atMs`. */
export interface Calls {
  readonly count: number;
  /** Index into the workload's functions. */
  readonly functionIndex: Uint32Array;
  /** When the call arrives, in milliseconds from the workload's start. Never falls from one call to the next. */
  readonly atMs: Float64Array;
  /** What it computes, in core-milliseconds: alone on one whole core it would take so long. */
  readonly cpuMs: Float64Array;
  /** What it waits for others, after it has computed, in milliseconds: costs no processor. */
  readonly sleepMs: Float64Array;
  /** Memory that it holds while it runs, in bytes, on top of what its container holds anyway. */
  readonly peakBytes: Float64Array;
}

/** Functions and their calls. The same calls at the same times whatever the policy. */
export interface Workload {
  readonly name: string;
  /** When the workload ends: not before its last call arrives. */
  readonly durationMs: number;
  readonly functions: readonly WorkloadFunction[];
  readonly calls: Calls;
}

/** Throws `invalid_argument` naming the first field of `fn` that is out of its bounds. */
export function checkFunction(fn: WorkloadFunction): void {
  checkFunctionName(fn.id, "id");
  if (fn.label.length > 128) throw invalidArgument("label", fn.label, "at most 128 characters");
  checkInteger(fn.memoryBytes, "memoryBytes", FUNCTION_MEMORY_BYTES_MIN, MEMORY_BYTES_MAX);
  checkInteger(fn.timeoutMs, "timeoutMs", 1, TIMEOUT_MS_MAX);
}

/** One call, as {@linkcode CallsBuilder.add} takes it; units as in {@linkcode Calls}. */
export interface Call {
  readonly functionIndex: number;
  readonly atMs: number;
  readonly cpuMs: number;
  readonly sleepMs: number;
  readonly peakBytes: number;
}

/** Throws `invalid_argument` naming the first field of `call` that is out of its bounds. */
export function checkCall(call: Call, functions: number): void {
  checkInteger(call.functionIndex, "function", 0, functions - 1);
  checkAmount(call.atMs, "atMs", DURATION_MS_MAX, "ms");
  checkAmount(call.cpuMs, "cpuMs", WORK_MS_MAX, "ms");
  checkAmount(call.sleepMs, "sleepMs", WORK_MS_MAX, "ms");
  checkAmount(call.peakBytes, "peakBytes", MEMORY_BYTES_MAX, "bytes");
}

function checkAmount(value: number, field: string, max: number, unit: string): void {
  if (typeof value !== "number" || !(value >= 0 && value <= max)) {
    throw invalidArgument(field, value, `a number from 0 to ${max} ${unit}`);
  }
}

/** Collects calls in any order; {@linkcode CallsBuilder.build} sorts them by arrival, those at once as they came. */
export class CallsBuilder {
  #functionIndex = new Uint32Array(1024);
  #atMs = new Float64Array(1024);
  #cpuMs = new Float64Array(1024);
  #sleepMs = new Float64Array(1024);
  #peakBytes = new Float64Array(1024);
  #count = 0;
  #isSorted = true;

  get count(): number {
    return this.#count;
  }

  /** Throws `invalid_argument` where there are more than {@linkcode CALLS_MAX}; the fields are not checked. */
  add(call: Call): void {
    if (this.#count >= CALLS_MAX) throw invalidArgument("calls", `more than ${CALLS_MAX}`, `at most ${CALLS_MAX}`);
    if (this.#count === this.#atMs.length) this.#grow();
    const i = this.#count++;
    if (i > 0 && call.atMs < this.#atMs[i - 1]) this.#isSorted = false;
    this.#functionIndex[i] = call.functionIndex;
    this.#atMs[i] = call.atMs;
    this.#cpuMs[i] = call.cpuMs;
    this.#sleepMs[i] = call.sleepMs;
    this.#peakBytes[i] = call.peakBytes;
  }

  build(): Calls {
    const count = this.#count;
    const order = this.#isSorted ? undefined : this.#order();
    const pick = <T extends Float64Array | Uint32Array>(from: T): T => {
      const to = from.slice(0, count) as T;
      if (order) { for (let i = 0; i < count; i++) to[i] = from[order[i]]; }
      return to;
    };
    return {
      count,
      functionIndex: pick(this.#functionIndex),
      atMs: pick(this.#atMs),
      cpuMs: pick(this.#cpuMs),
      sleepMs: pick(this.#sleepMs),
      peakBytes: pick(this.#peakBytes),
    };
  }

  #order(): Uint32Array {
    const atMs = this.#atMs;
    const order = Uint32Array.from({ length: this.#count }, (_, i) => i);
    return order.sort((a, b) => atMs[a] - atMs[b] || a - b);
  }

  #grow(): void {
    const grown = <T extends Float64Array | Uint32Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    const length = this.#atMs.length * 2;
    this.#functionIndex = grown(this.#functionIndex, new Uint32Array(length));
    this.#atMs = grown(this.#atMs, new Float64Array(length));
    this.#cpuMs = grown(this.#cpuMs, new Float64Array(length));
    this.#sleepMs = grown(this.#sleepMs, new Float64Array(length));
    this.#peakBytes = grown(this.#peakBytes, new Float64Array(length));
  }
}

/** Puts a workload together and checks all of it. Throws `invalid_argument`, naming the call or function and field. */
export function createWorkload(parts: {
  readonly name: string;
  readonly functions: readonly WorkloadFunction[];
  readonly calls: Calls;
  /** When it ends; without it when its last call arrives. */
  readonly durationMs?: number;
}): Workload {
  const { name, functions, calls } = parts;
  checkInteger(functions.length, "functions", 1, FUNCTIONS_MAX);
  const ids = new Set<string>();
  for (const fn of functions) {
    checkFunction(fn);
    if (ids.has(fn.id)) throw invalidArgument("id", fn.id, "the id of one function only");
    ids.add(fn.id);
  }
  assert(calls.count <= CALLS_MAX && calls.atMs.length === calls.count, "calls are not of one length");
  for (let i = 0; i < calls.count; i++) {
    checkCall({
      functionIndex: calls.functionIndex[i],
      atMs: calls.atMs[i],
      cpuMs: calls.cpuMs[i],
      sleepMs: calls.sleepMs[i],
      peakBytes: calls.peakBytes[i],
    }, functions.length);
    assert(i === 0 || calls.atMs[i] >= calls.atMs[i - 1], `call ${i} is not in order of arrival`);
  }
  const lastMs = calls.count === 0 ? 0 : calls.atMs[calls.count - 1];
  const durationMs = parts.durationMs ?? lastMs;
  if (!(durationMs >= lastMs && durationMs <= DURATION_MS_MAX)) {
    throw invalidArgument(
      "durationMs",
      durationMs,
      `from ${lastMs}, when the last call arrives, to ${DURATION_MS_MAX}`,
    );
  }
  return { name, durationMs, functions, calls };
}
