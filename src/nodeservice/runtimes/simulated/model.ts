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
  readonly group: Group;
  /** What each job of its group has had, in core-milliseconds, when this one is done. */
  readonly doneAt: number;
}

interface Group {
  readonly key: string | number;
  quota: number;
  /** The one that is done first is the last. */
  readonly jobs: Job[];
  /** Core-milliseconds that each of its jobs has had by `atMs` since the group was last without any. */
  attained: number;
  /** Core-milliseconds that all of them have had by `atMs`. */
  usedMs: number;
  atMs: number;
  /** Processors that each of its jobs has from `atMs` on. */
  rate: number;
}

/**
 * Processors shared by groups of jobs, as the kernel does it: every group gets the same share as far as it can use it,
 * at most its own quota; within a group its jobs share alike, and one job uses at most one processor.
 *
 * All jobs of a group advance alike, so the group counts how far, and a job is a mark on that scale: what a change costs
 * depends on how many groups have jobs, not on how many jobs there are.
 */
export class ProcessorModel {
  readonly #jobs = new Map<number, Job>();
  readonly #groups = new Map<string | number, Group>();
  /** Groups with jobs, those that can use least first. */
  readonly #active: Group[] = [];
  #nowMs = 0;
  #nextDoneMs = Infinity;

  constructor(readonly cores: number) {
    assert(cores > 0, `cores is ${cores}, must be above 0`);
  }

  /** Begins a job of `workMs` core-milliseconds in `group`, whose quota is `quota` processors. */
  add(job: { id: number; group: string | number; quota: number; workMs: number }, nowMs: number): void {
    assert(job.quota > 0 && job.workMs >= 0, `job with quota ${job.quota} and work ${job.workMs}`);
    this.#moveTo(nowMs);
    const group = this.#groupOf(job.group);
    group.quota = job.quota;
    if (group.jobs.length === 0) {
      group.attained = 0;
      group.atMs = nowMs;
      this.#active.push(group);
    } else settle(group, nowMs);
    const entry = { id: job.id, group, doneAt: group.attained + job.workMs };
    group.jobs.splice(placeOf(group.jobs, entry.doneAt), 0, entry);
    this.#jobs.set(job.id, entry);
    this.#share();
  }

  /** Takes away a job, done or not. */
  remove(id: number, nowMs: number): void {
    this.#moveTo(nowMs);
    const job = this.#jobs.get(id);
    if (!job) return;
    this.#jobs.delete(id);
    settle(job.group, nowMs);
    job.group.jobs.splice(job.group.jobs.indexOf(job), 1);
    this.#share();
  }

  /** The jobs that are done by `nowMs`, which must not go back; they are taken away. */
  advance(nowMs: number): number[] {
    this.#moveTo(nowMs);
    const done: number[] = [];
    for (const group of this.#active) {
      if (doneMsOf(group) - nowMs > WORK_MS_EPSILON / group.rate) continue;
      settle(group, nowMs);
      const { jobs } = group;
      while (jobs.length > 0 && jobs[jobs.length - 1].doneAt - group.attained <= WORK_MS_EPSILON) {
        const { id } = jobs.pop()!;
        this.#jobs.delete(id);
        done.push(id);
      }
    }
    if (done.length > 0) this.#share();
    return done;
  }

  /** When the next job is done if nothing changes; Infinity without jobs. */
  nextDoneMs(): number {
    return this.#nextDoneMs;
  }

  /** Core-milliseconds that `group` has used since it was last {@linkcode ProcessorModel.forget forgotten}. */
  usedMs(group: string | number, nowMs: number): number {
    this.#moveTo(nowMs);
    const found = this.#groups.get(group);
    if (!found) return 0;
    settle(found, nowMs);
    return found.usedMs;
  }

  /** Forgets a group without jobs. */
  forget(group: string | number): void {
    if (this.#groups.get(group)?.jobs.length === 0) this.#groups.delete(group);
  }

  #groupOf(key: string | number): Group {
    let group = this.#groups.get(key);
    if (!group) {
      group = { key, quota: 0, jobs: [], attained: 0, usedMs: 0, atMs: this.#nowMs, rate: 0 };
      this.#groups.set(key, group);
    }
    return group;
  }

  #moveTo(nowMs: number): void {
    assert(nowMs >= this.#nowMs, "time went back");
    this.#nowMs = nowMs;
  }

  /** Gives every group its share, the most modest first, and each of its jobs the same part of it. */
  #share(): void {
    const active = this.#active;
    let count = 0;
    for (const group of active) if (group.jobs.length > 0) active[count++] = group;
    active.length = count;
    // Nearly sorted already: one group has changed.
    for (let i = 1; i < count; i++) {
      const group = active[i], wants = wantOf(group);
      let at = i - 1;
      for (; at >= 0 && wantOf(active[at]) > wants; at--) active[at + 1] = active[at];
      active[at + 1] = group;
    }
    let coresLeft = this.cores;
    this.#nextDoneMs = Infinity;
    for (let i = 0; i < count; i++) {
      const group = active[i];
      const given = Math.min(wantOf(group), coresLeft / (count - i));
      coresLeft -= given;
      const rate = given / group.jobs.length;
      if (rate !== group.rate || group.atMs === this.#nowMs) {
        settle(group, this.#nowMs);
        group.rate = rate;
      }
      this.#nextDoneMs = Math.min(this.#nextDoneMs, doneMsOf(group));
    }
  }
}

/** Processors that a group can use. */
function wantOf({ quota, jobs }: Group): number {
  return Math.min(quota, jobs.length);
}

/** When the first of a group's jobs is done. */
function doneMsOf({ jobs, attained, atMs, rate }: Group): number {
  return atMs + Math.max(0, jobs[jobs.length - 1].doneAt - attained) / rate;
}

/** Brings what a group has had up to `nowMs`. */
function settle(group: Group, nowMs: number): void {
  if (group.jobs.length > 0) {
    const had = (nowMs - group.atMs) * group.rate;
    group.attained += had;
    group.usedMs += had * group.jobs.length;
  }
  group.atMs = nowMs;
}

/** Index at which a job that is done at this mark belongs: behind all that are done later, before those at the same. */
function placeOf(jobs: readonly Job[], doneAt: number): number {
  let from = 0, to = jobs.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (jobs[middle].doneAt > doneAt) from = middle + 1;
    else to = middle;
  }
  return from;
}
