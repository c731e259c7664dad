import { assert, MIB, type Random, seededRandom, VCPU_PER_GIB } from "../../base/mod.ts";
import { fitted, fittedCounts, shuffle, type Spread, uniform } from "./draw.ts";
import {
  EVALUATION_DURATION_MS,
  EVALUATION_FUNCTIONS,
  type EvaluationFunction,
  type EvaluationRhythm,
  type Triple,
} from "./evaluation_data.ts";
import { opaqueId } from "./opaque_id.ts";
import { CallsBuilder, createWorkload, type Workload } from "./types.ts";

/** All calls of a round arrive within this time. */
export const ROUND_MS = 20;
/** What f9 and f10 compute: 154 ms alone at the 0.1675 vCPU of 256 MiB. */
export const CPU_BOUND_CORE_MS = 26;
/** The run's record names no timeouts: none of its calls came near it. */
const TIMEOUT_MS = 60_000;

/**
 * The evaluation as a workload: every function's number of calls and rounds, and least, mean and greatest interval,
 * work and memory are those of the table; which call comes when and has how much of it is drawn from the seed, and so
 * is each function's start. What the table measured with crowding (f9, f10) is replaced by what a call takes alone.
 */
export function evaluationWorkload(seed: number): Workload {
  const random = seededRandom(seed);
  const calls = new CallsBuilder();
  EVALUATION_FUNCTIONS.forEach((fn, functionIndex) => addCalls(calls, fn, functionIndex, random));
  return createWorkload({
    name: "evaluation",
    durationMs: EVALUATION_DURATION_MS,
    functions: EVALUATION_FUNCTIONS.map(({ label, memoryMiB }, index) => ({
      id: opaqueId(index),
      label,
      memoryBytes: memoryMiB * MIB,
      timeoutMs: TIMEOUT_MS,
    })),
    calls: calls.build(),
  });
}

function addCalls(calls: CallsBuilder, fn: EvaluationFunction, functionIndex: number, random: Random): void {
  const arrivals = arrivalsOf(fn, random);
  const cpuMs = cpuOf(fn, random);
  const sleepMs = fn.work === "sleep" ? fitted(random, fn.calls, uncut(fn.executionMs)) : undefined;
  const peakMiB = fitted(random, fn.calls, uncut(fn.peakMiB));
  arrivals.forEach((atMs, i) => {
    calls.add({
      functionIndex,
      atMs,
      cpuMs: toMicros(cpuMs(i)),
      sleepMs: toMicros(sleepMs ? sleepMs[i] : 0),
      peakBytes: Math.round(peakMiB[i] * MIB),
    });
  });
}

function arrivalsOf(fn: EvaluationFunction, random: Random): number[] {
  const [callsMin, , callsMax] = fn.callsPerRound;
  const perRound = fittedCounts(random, fn.rounds, fn.calls, callsMin, callsMax);
  const intervals = intervalsOf(fn.rhythm, fn.rounds - 1, spreadOf(fn.intervalMs), random);
  const spanMs = intervals.reduce((sum, ms) => sum + ms, 0);
  const startMsMax = EVALUATION_DURATION_MS - spanMs - ROUND_MS - fn.executionMs[2];
  assert(startMsMax > 0, `${fn.label} runs longer than the evaluation`);
  let roundMs = uniform(random, 0, startMsMax);
  return perRound.flatMap((count, round) => {
    if (round > 0) roundMs += intervals[round - 1];
    // The first one is the round's moment: intervals are counted from it.
    const offsets = Array.from({ length: count }, (_, i) => i === 0 ? 0 : uniform(random, 0, ROUND_MS));
    return offsets.sort((a, b) => a - b).map((offsetMs) => toMicros(roundMs + offsetMs));
  });
}

/** `count` intervals in the rhythm, their least, mean and greatest as given. */
function intervalsOf(rhythm: EvaluationRhythm, count: number, spread: Spread, random: Random): number[] {
  const { min, mean, max } = spread;
  if (rhythm === "interrupted") {
    const others = (mean * count - min) / (count - 1);
    const rest = fitted(random, count - 1, { min: 2 * others - max, mean: others, max });
    return shuffle(random, [min, ...rest]);
  }
  if (rhythm === "gaps") {
    const gaps = Math.round(count * (mean - min) / (max - min));
    const others = (mean * count - max * gaps) / (count - gaps);
    const rest = fitted(random, count - gaps, { min, mean: others, max: 2 * others - min });
    return shuffle(random, [...Array<number>(gaps).fill(max), ...rest]);
  }
  return fitted(random, count, spread);
}

function cpuOf(fn: EvaluationFunction, random: Random): (call: number) => number {
  if (fn.work === "cpu") return () => CPU_BOUND_CORE_MS;
  if (fn.work === "sleep") return () => 0;
  const cores = VCPU_PER_GIB * fn.memoryMiB / 1024;
  const values = fitted(random, fn.calls, uncut(fn.executionMs));
  return (call) => values[call] * cores;
}

function spreadOf([min, mean, max]: Triple): Spread {
  return { min, mean, max };
}

/** The published means are cut off: half a unit more is the best guess at what they were. */
function uncut([min, mean, max]: Triple): Spread {
  return { min, mean: Math.min(max, mean + 0.5), max };
}

function toMicros(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
