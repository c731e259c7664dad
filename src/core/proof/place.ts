/**
 * Where a thread stands: it is deterministic given what it has read, so its place is the list of those values. Places
 * form a tree per thread; each is found by running the real code once, and from then on stepping through it costs a
 * look into a map.
 *
 * Every place also collects which words its thread may still read and write from here on, as far as has been seen. The
 * explorer decides by that which threads cannot be in one another's way.
 */
import { follow, type Step } from "./hooks.ts";

/** Distinct words that the threads of a case may touch. */
const WORDS_MAX = 256;
const SET_WORDS = WORDS_MAX / 32;
/** Steps of one thread, loops apart: more means that it spins. */
export const STEPS_MAX = 400;

export class Place {
  readonly next = new Map<number, Place>();
  /** Places from which one step leads here: the one before, and those at the end of a loop. */
  readonly from: Place[] = [];
  readonly reads = new Int32Array(SET_WORDS);
  readonly writes = new Int32Array(SET_WORDS);
  /** Whether the explorer has decided anything by the two sets. */
  consulted = false;
  step: Step | undefined;
  /** Index of the step's word among those touched. */
  word = -1;
  error: Error | undefined;
  outcome: unknown;

  constructor(
    readonly id: number,
    readonly thread: number,
    readonly before: Place | undefined,
    readonly answer: number,
    readonly depth: number,
  ) {}
}

export const onlyReads = (step: Step): boolean => step.touch === "load" || step.touch === "sleep";
export const onlyWrites = (step: Step): boolean => step.touch === "store";

/** All places seen so far. */
export class Places {
  readonly roots: readonly Place[];
  count = 0;
  /** Set when something became known that earlier decisions should have known. */
  stale = false;
  /** Words that some thread writes, by address: their values are part of a state. */
  readonly written: number[] = [];
  /** Where a thread stands after a call, by where it stood before and what the call answered. */
  private readonly afterCall = new Map<string, Place>();
  private readonly wordOf = new Map<number, number>();
  /** Per word: whether anybody reads it. */
  private readonly isRead = new Uint8Array(WORDS_MAX);

  constructor(private readonly threads: readonly (() => unknown)[]) {
    this.roots = threads.map((_, thread) => this.make(thread, undefined, 0));
  }

  /** Where the thread stands once its step has read `answer`. */
  after(place: Place, answer: number): Place {
    const known = place.next.get(answer);
    if (known) return known;
    const made = this.make(place.thread, place, answer);
    place.next.set(answer, made);
    made.from.push(place);
    this.spread(made);
    return made;
  }

  /** Whether what `place` may still do could meet the step that `other` is about to take. */
  meets(place: Place, other: Place): boolean {
    place.consulted = true;
    const { step, word } = other;
    const i = word >>> 5, bit = 1 << (word & 31);
    if (onlyReads(step!)) return (place.writes[i] & bit) !== 0;
    // What nobody ever reads may be stored in any order.
    if (onlyWrites(step!) && this.isRead[word] === 0) return false;
    return ((place.writes[i] | place.reads[i]) & bit) !== 0;
  }

  private make(thread: number, before: Place | undefined, answer: number): Place {
    const place = new Place(this.count++, thread, before, answer, before ? before.depth + 1 : 0);
    const followed = follow(this.threads[thread], answersOf(place));
    if ("back" in followed) {
      return placeAt(place, followed.back);
    }
    if ("returns" in followed) {
      const names = followed.returns.map(({ entered, key }) => `${placeAt(place, entered).id} ${key}`);
      const known = names.map((name) => this.afterCall.get(name)).find((one) => one !== undefined);
      for (const name of names) this.afterCall.set(name, known ?? place);
      if (known) return known;
    }
    if ("error" in followed) place.error = followed.error;
    else if ("outcome" in followed) place.outcome = followed.outcome;
    else if (place.depth >= STEPS_MAX) place.error = new Error(`the thread takes more than ${STEPS_MAX} steps`);
    else this.note(place, followed.step);
    return place;
  }

  private note(place: Place, step: Step): void {
    place.step = step;
    place.word = this.indexOf(step.at);
    const i = place.word >>> 5, bit = 1 << (place.word & 31);
    const reads = !onlyWrites(step), writes = !onlyReads(step);
    if (reads && this.isRead[place.word] === 0) {
      this.isRead[place.word] = 1;
      this.stale = true;
    }
    if (writes && !this.written.includes(step.at)) {
      this.written.push(step.at);
      this.stale = true;
    }
    if (reads) place.reads[i] |= bit;
    if (writes) place.writes[i] |= bit;
  }

  /** Tells those before a place what may still be done from it. */
  private spread(place: Place): void {
    for (const from of place.from) {
      let grown = false;
      for (let i = 0; i < SET_WORDS; i++) {
        const reads = from.reads[i] | place.reads[i], writes = from.writes[i] | place.writes[i];
        grown ||= reads !== from.reads[i] || writes !== from.writes[i];
        from.reads[i] = reads;
        from.writes[i] = writes;
      }
      if (!grown) continue;
      if (from.consulted) this.stale = true;
      this.spread(from);
    }
  }

  private indexOf(at: number): number {
    const known = this.wordOf.get(at);
    if (known !== undefined) return known;
    const index = this.wordOf.size;
    if (index >= WORDS_MAX) throw new Error(`the threads touch more than ${WORDS_MAX} words: make the case smaller`);
    this.wordOf.set(at, index);
    return index;
  }
}

/** Where the thread stood when it had got so many answers. */
function placeAt(place: Place, depth: number): Place {
  let at = place;
  while (at.depth > depth) at = at.before!;
  return at;
}

function answersOf(place: Place): number[] {
  const answers = new Array<number>(place.depth);
  for (let at = place; at.before; at = at.before) answers[at.depth - 1] = at.answer;
  return answers;
}
