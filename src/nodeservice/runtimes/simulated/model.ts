/** How a node's processors and a container's memory behave: pure, without clock or I/O. */
import { assert, GIB, MIB, VCPU_PER_GIB } from "../../../base/mod.ts";

/** The reference environment. */
export const REFERENCE_NODE = {
  /** Processors that all containers of a node share. */
  cores: 2,
  /** A start takes this long … */
  startDelayMs: 500,
  /** … and this much of a processor, in core-milliseconds. */
  startCpuMs: 400,
  /** What a container holds before anything runs in it. */
  idleBytes: 20 * MIB,
} as const;

/** Work below this is done: what is left is rounding. */
const WORK_MS_EPSILON = 1e-6;

/** The processors that a container of this memory may use. */
export function quotaCores(memoryBytes: number): number {
  return VCPU_PER_GIB * memoryBytes / GIB;
}

interface Job {
  readonly id: number;
  readonly group: string;
  workMs: number;
}

/**
 * Processors shared by groups of jobs, as the kernel does it: every group gets the same share as far as it can use it,
 * at most its own quota; within a group its jobs share alike, and one job uses at most one processor.
 */
export class ProcessorModel {
  readonly #jobs = new Map<number, Job>();
  readonly #quotas = new Map<string, number>();
  readonly #used = new Map<string, number>();
  #rates = new Map<string, number>();
  #nowMs = 0;

  constructor(readonly cores: number) {
    assert(cores > 0, `cores is ${cores}, must be above 0`);
  }

  /** Begins a job of `workMs` core-milliseconds in `group`, whose quota is `quota` processors. */
  add(job: { id: number; group: string; quota: number; workMs: number }, nowMs: number): void {
    assert(job.quota > 0 && job.workMs >= 0, `job with quota ${job.quota} and work ${job.workMs}`);
    this.#moveTo(nowMs);
    this.#jobs.set(job.id, { id: job.id, group: job.group, workMs: job.workMs });
    this.#quotas.set(job.group, job.quota);
    this.#share();
  }

  /** Takes away a job, done or not. */
  remove(id: number, nowMs: number): void {
    this.#moveTo(nowMs);
    if (this.#jobs.delete(id)) this.#share();
  }

  /** The jobs that are done by `nowMs`, which must not go back; they are taken away. */
  advance(nowMs: number): number[] {
    this.#moveTo(nowMs);
    const done: number[] = [];
    for (const job of this.#jobs.values()) if (job.workMs <= WORK_MS_EPSILON) done.push(job.id);
    for (const id of done) this.#jobs.delete(id);
    if (done.length > 0) this.#share();
    return done;
  }

  /** When the next job is done if nothing changes; Infinity without jobs. */
  nextDoneMs(): number {
    let next = Infinity;
    for (const job of this.#jobs.values()) {
      next = Math.min(next, this.#nowMs + Math.max(0, job.workMs) / this.#rates.get(job.group)!);
    }
    return next;
  }

  /** Core-milliseconds that `group` has used since it was last {@linkcode ProcessorModel.forget forgotten}. */
  usedMs(group: string, nowMs: number): number {
    this.#moveTo(nowMs);
    return this.#used.get(group) ?? 0;
  }

  /** Forgets a group without jobs. */
  forget(group: string): void {
    this.#quotas.delete(group);
    this.#used.delete(group);
  }

  #moveTo(nowMs: number): void {
    const elapsedMs = nowMs - this.#nowMs;
    assert(elapsedMs >= 0, `time went back by ${-elapsedMs} ms`);
    this.#nowMs = nowMs;
    if (elapsedMs === 0) return;
    for (const job of this.#jobs.values()) {
      const workMs = Math.min(job.workMs, elapsedMs * this.#rates.get(job.group)!);
      job.workMs -= workMs;
      this.#used.set(job.group, (this.#used.get(job.group) ?? 0) + workMs);
    }
  }

  /** Gives every group its share, the most modest first, and each of its jobs the same part of it. */
  #share(): void {
    const counts = new Map<string, number>();
    for (const { group } of this.#jobs.values()) counts.set(group, (counts.get(group) ?? 0) + 1);
    const wants = [...counts].map(([group, jobs]) => ({
      group,
      jobs,
      cores: Math.min(this.#quotas.get(group)!, jobs),
    }));
    wants.sort((a, b) => a.cores - b.cores);
    let coresLeft = this.cores;
    this.#rates = new Map();
    wants.forEach(({ group, jobs, cores }, index) => {
      const given = Math.min(cores, coresLeft / (wants.length - index));
      coresLeft -= given;
      this.#rates.set(group, given / jobs);
    });
  }
}
