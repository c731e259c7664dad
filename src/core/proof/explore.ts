/**
 * Goes through every order in which the threads of a case can take their steps, depth first.
 *
 * A state is where each thread stands and what the words hold that any of them writes; one met before is not entered
 * again. Steps that no other thread can ever meet are not
 * interleaved: in each state only a persistent set of threads is stepped, which is a set such that what all the others
 * may still do does not touch what these are about to touch. That leaves every end state and every error reachable
 * (Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", 1996). What threads may still do is
 * learned on the way, first in random runs; when a pass finds that an earlier decision knew too little, it is done
 * again, and only a pass that learned nothing counts. Threads that can come back to a state they were in could go on so
 * for ever; that is a violation too, and without such circles the argument above needs nothing more.
 *
 * All reads are taken to see the last write, plain ones too. What a plain read may miss on real hardware has to be
 * argued where it stands (leases.ts and functions.ts do), and is what the stress program is for.
 */
import type { Step } from "./hooks.ts";
import { type Place, Places, STEPS_MAX } from "./place.ts";

/** What the explorer needs to know of a case. */
export interface Exploration {
  /** The words before any thread has run. */
  readonly words: Int32Array;
  readonly threads: readonly (() => unknown)[];
  /** Throws where a word may not have this value. Called after each step that wrote one. */
  readonly watch: (at: number, value: number) => void;
  /** Throws where an end is wrong: no thread can go on. The outcome of one that sleeps for ever is {@linkcode ASLEEP}. */
  readonly check: (words: Int32Array, outcomes: readonly unknown[]) => void;
  readonly nameOf?: (at: number) => string;
  readonly statesMax?: number;
  /** Interleaves every step, whether or not the others could meet it: what the reduction is checked against. */
  readonly everyStep?: boolean;
  /** Told of every end, some of them more than once. */
  readonly onEnd?: (words: Int32Array, outcomes: readonly unknown[]) => void;
}

export const ASLEEP = Symbol("asleep");

export interface Explored {
  /** States of the last pass; of a violation: all that were visited until it was found. */
  readonly states: number;
  readonly ends: number;
  readonly places: number;
  readonly passes: number;
  readonly violation?: Violation;
}

export interface Violation {
  readonly message: string;
  /** One step a line: thread, what it did to which word, what it read. */
  readonly trace: readonly string[];
}

/** A Set holds no more than 2^24. */
const STATES_MAX = 16_000_000;
const RANDOM_RUNS = 500;
/** Threads that go round for ever are left to the search, which can tell. */
const RANDOM_STEPS_MAX = 4 * STEPS_MAX;

class Wrong {
  constructor(readonly message: string) {}
}

/** Thrown where a case has more states than are allowed. */
export class TooManyStates extends Error {
  override name = "TooManyStates";
}

/** Explores all interleavings, or up to the first violation. */
export function explore(exploration: Exploration): Explored {
  return new Explorer(exploration).run();
}

interface Taken {
  readonly place: Place;
  readonly step: Step;
  readonly read: number;
  readonly before: number;
}

class Explorer {
  private readonly words: Int32Array;
  private readonly places: Places;
  private readonly taken: Taken[] = [];
  private seen = new Set<string>();
  /** States on the way to here. */
  private readonly path = new Set<string>();
  private statesBefore = 0;
  private ends = 0;
  private passes = 0;

  constructor(private readonly exploration: Exploration) {
    this.words = exploration.words.slice();
    this.places = new Places(exploration.threads);
  }

  run(): Explored {
    const broken = this.places.roots.find(({ error }) => error);
    if (broken) throw broken.error;
    try {
      this.runRandomly();
      do {
        this.places.stale = false;
        this.statesBefore += this.seen.size;
        this.seen = new Set();
        this.ends = 0;
        this.passes++;
        this.visit([...this.places.roots]);
      } while (this.places.stale);
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      return this.explored(this.statesBefore + this.seen.size, { message: error.message, trace: this.trace() });
    }
    return this.explored(this.seen.size);
  }

  private explored(states: number, violation?: Violation): Explored {
    return { states, ends: this.ends, places: this.places.count, passes: this.passes, violation };
  }

  private visit(at: Place[]): void {
    const start = this.taken.length;
    let group = this.choose(at);
    while (group.length === 1) {
      if (this.taken.length > start + STEPS_MAX) throw new Wrong(`thread ${group[0]} goes round for ever`);
      at[group[0]] = this.take(at[group[0]]);
      group = this.choose(at);
    }
    const key = this.keyOf(at);
    if (this.path.has(key)) throw new Wrong("the threads are where they were before: they go round for ever");
    if (!this.seen.has(key)) {
      this.seen.add(key);
      this.path.add(key);
      const { statesMax = STATES_MAX } = this.exploration;
      if (this.seen.size > statesMax) {
        throw new TooManyStates(`more than ${statesMax} states`);
      }
      if (group.length === 0) this.end(at);
      for (const thread of group) {
        const next = [...at];
        next[thread] = this.take(at[thread]);
        this.visit(next);
        this.undo(this.taken.length - 1);
      }
      this.path.delete(key);
    }
    this.undo(start);
  }

  /** Threads to step from here: the smallest persistent set that can go on. */
  private choose(at: readonly Place[]): number[] {
    let best: number[] | undefined;
    if (this.exploration.everyStep) return at.filter((place) => this.canStep(place)).map(({ thread }) => thread);
    for (let thread = 0; thread < at.length; thread++) {
      if (!this.canStep(at[thread])) continue;
      const group = this.groupOf(thread, at);
      if (!best || group.length < best.length) best = group;
      if (best.length === 1) break;
    }
    return best ?? [];
  }

  private groupOf(thread: number, at: readonly Place[]): number[] {
    const group = [thread];
    for (let i = 0; i < group.length; i++) {
      for (let other = 0; other < at.length; other++) {
        if (at[other].step && !group.includes(other) && this.places.meets(at[other], at[group[i]])) group.push(other);
      }
    }
    return group.filter((one) => this.canStep(at[one]));
  }

  private canStep(place: Place): boolean {
    const { step } = place;
    return step !== undefined && (step.touch !== "sleep" || this.words[step.at] !== step.a);
  }

  private go(place: Place): Place {
    const step = place.step!;
    const before = this.words[step.at];
    this.words[step.at] = valueAfter(step, before);
    // A store reads nothing: the same place follows whatever was there.
    const read = step.touch === "store" ? 0 : before;
    this.taken.push({ place, step, read, before });
    return this.places.after(place, read);
  }

  /** Takes a step, and stops everything where it went wrong. */
  private take(place: Place): Place {
    const next = this.go(place);
    const { step, before } = this.taken.at(-1)!;
    const value = this.words[step.at];
    if (value !== before) this.judge(() => this.exploration.watch(step.at, value));
    if (next.error) throw new Wrong(`thread ${next.thread}: ${next.error.message}`);
    return next;
  }

  private undo(to: number): void {
    while (this.taken.length > to) {
      const { step, before } = this.taken.pop()!;
      this.words[step.at] = before;
    }
  }

  private end(at: readonly Place[]): void {
    this.ends++;
    const outcomes = at.map((place) => place.step ? ASLEEP : place.outcome);
    this.exploration.onEnd?.(this.words, outcomes);
    this.judge(() => this.exploration.check(this.words, outcomes));
  }

  private judge(check: () => void): void {
    try {
      check();
    } catch (error) {
      throw new Wrong(error instanceof Error ? error.message : String(error));
    }
  }

  private keyOf(at: readonly Place[]): string {
    const units: number[] = [];
    for (const place of at) units.push(place.id & 0xffff, place.id >>> 16);
    for (const word of this.places.written) units.push(this.words[word] & 0xffff, this.words[word] >>> 16);
    return String.fromCharCode(...units);
  }

  /** Learns what threads may do, before anything is decided by it. Which runs is the same every time. */
  private runRandomly(): void {
    let seed = 1;
    for (let run = 0; run < RANDOM_RUNS; run++) {
      const at = [...this.places.roots];
      while (this.taken.length < RANDOM_STEPS_MAX) {
        const able = at.filter((place) => this.canStep(place));
        if (able.length === 0) break;
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        const place = able[Math.floor(seed / 2 ** 32 * able.length)];
        at[place.thread] = this.go(place);
        if (at[place.thread].error) break;
      }
      this.undo(0);
    }
  }

  private trace(): string[] {
    const nameOf = this.exploration.nameOf ?? String;
    return this.taken.map(({ place, step, read }) => {
      const operands = step.touch === "load"
        ? ""
        : step.touch === "compareExchange"
        ? ` ${step.a} → ${step.b}`
        : ` ${step.a}`;
      return `thread ${place.thread}: ${step.touch} ${nameOf(step.at)}${operands}${
        step.touch === "store" ? "" : ` read ${read}`
      }`;
    });
  }
}

function valueAfter(step: Step, before: number): number {
  switch (step.touch) {
    case "load":
    case "sleep":
      return before;
    case "store":
    case "exchange":
      return step.a;
    case "add":
      return before + step.a;
    case "sub":
      return before - step.a;
    case "and":
      return before & step.a;
    case "or":
      return before | step.a;
    case "xor":
      return before ^ step.a;
    case "compareExchange":
      return before === step.a ? step.b : before;
  }
}
