/**
 * What the core's sources get in place of `Atomics` and `Int32Array` when they are loaded for exploration (load.ts).
 *
 * Outside `follow` both do what they always do. Inside, every touch of the shared words, plain ones too, goes to a
 * {@linkcode Follower}: it answers what the thread read the last time it was here, and stops the thread at the first
 * touch that has no answer yet. So a thread is stepped by running its code again from the start with one answer more;
 * its sources need no change for that, and nothing the code does can slip through: the words it holds are no
 * `Int32Array` at all, and whatever is not named here throws.
 */

/** How a thread touches a word. `sleep` waits while the word is `a`. */
export type Touch = "load" | "store" | "add" | "sub" | "and" | "or" | "xor" | "exchange" | "compareExchange" | "sleep";

export interface Step {
  readonly touch: Touch;
  readonly at: number;
  readonly a: number;
  readonly b: number;
}

/** Thrown through a thread's code to stop it; no Error, because nobody wants its stack. */
const STOP = { stopped: "the thread has no answer yet" };

const RealAtomics = globalThis.Atomics;
const RealInt32Array = globalThis.Int32Array;
const WORDS = Symbol("shared words");

class Follower {
  next: Step | undefined;
  /** How many answers the thread had got when it first stood where it stands again now. */
  back: number | undefined;
  /** Calls that have returned since the last answer. */
  readonly returns: Return[] = [];
  private position = 0;
  private calls = 0;
  constructor(private readonly answers: readonly number[]) {}

  touch(touch: Touch, at: number, a = 0, b = 0): number {
    if (this.stopped) throw STOP;
    if (this.position < this.answers.length) return this.answers[this.position++];
    this.next = { touch, at, a: a | 0, b: b | 0 };
    throw STOP;
  }

  get stopped(): boolean {
    return this.next !== undefined || this.back !== undefined;
  }

  /** Objects of the thread's own that outlive a call. */
  heap: readonly object[] = [];

  call<R>(method: () => R): R {
    const entered = this.position, call = this.calls++;
    const result = method();
    if (this.position > entered && this.position === this.answers.length && !this.stopped && merging) {
      this.returns.push({ entered, key: `${call} ${result} ${this.heapNow()}` });
    }
    return result;
  }

  turn(loop: Loop): void {
    if (loop.entered < 0) {
      loop.entered = this.position;
      loop.heap = this.heapNow();
    } else if (this.position === this.answers.length && merging && loop.heap === this.heapNow()) {
      this.back = loop.entered;
      throw STOP;
    }
  }

  private heapNow(): string {
    return this.heap.map((object) => Object.values(object).filter((value) => /^(n|b)/.test(typeof value))).join();
  }
}

/** One run of a loop: how many answers there were when it was entered, and what the thread's own objects held. */
interface Loop {
  entered: number;
  heap: string;
}

let following: Follower | undefined;

/** A call that ended: how many answers there were when it began, and what tells one end of it from another. */
export interface Return {
  readonly entered: number;
  readonly key: string;
}

/** Off, each thing a thread has read makes its place another one: for a test of the rules by which places are one. */
let merging = true;
export function mergePlaces(on: boolean): void {
  merging = on;
}

/**
 * Watches the calls of a class's methods. All that a thread knows after a call is what it knew before, the result, and
 * numbers it keeps in its own objects: whatever else was read during the call is forgotten, and need not be told apart.
 */
export function watchCalls(prototype: object): void {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (typeof value !== "function" || name === "constructor") continue;
    Object.defineProperty(prototype, name, {
      value(this: object, ...args: unknown[]) {
        return following ? following.call(() => value.apply(this, args)) : value.apply(this, args);
      },
    });
  }
}

export const enterLoop = (): Loop => ({ entered: -1, heap: "" });

/**
 * Stands at the head of every loop that carries nothing from round to round (load.ts finds them): there a thread stands
 * where it stood when it entered the loop, whatever it has read since.
 */
export function turn(loop: Loop): boolean {
  following?.turn(loop);
  return true;
}

/** What became of a thread that was given these answers: its next step, an earlier place, or its end. */
export type Followed =
  | { readonly step: Step; readonly returns: readonly Return[] }
  | { readonly back: number }
  | { readonly outcome: unknown; readonly returns: readonly Return[] }
  | { readonly error: Error };

/** Runs `thread` with the answers it got so far, up to its next touch of the shared words. */
export function follow(thread: () => unknown, answers: readonly number[]): Followed {
  const follower = new Follower(answers);
  following = follower;
  try {
    const outcome = thread();
    return follower.stopped ? stoppedAt(follower) : { outcome, returns: follower.returns };
  } catch (error) {
    if (error === STOP) return stoppedAt(follower);
    return { error: error instanceof Error ? error : new Error(String(error)) };
  } finally {
    following = undefined;
  }
}

function stoppedAt({ next, back, returns }: Follower): Followed {
  return next ? { step: next, returns } : { back: back! };
}

/** Tells in which objects of its own a thread may remember something from call to call. */
export function remembersIn(objects: readonly object[]): void {
  if (following) following.heap = objects;
}

/** Stops a thread whose code swallowed the stop, as an async function does. */
export function stopHere(): void {
  if (following?.stopped) throw STOP;
}

const sharedWords = new Proxy({}, {
  get(_, key) {
    if (key === WORDS) return true;
    // Bytes of it are texts, which no protocol decides by: a thread of a case that writes one fails.
    if (key === "buffer") return new ArrayBuffer(0);
    if (typeof key === "string" && /^\d+$/.test(key)) return following!.touch("load", Number(key));
    throw new Error(`shared words have no ${String(key)} while a thread is followed`);
  },
  set(_, key, value) {
    following!.touch("store", Number(key), value);
    return true;
  },
});

/** `new Int32Array(shared buffer)` is the followed words, everything else a real one. */
function FollowedInt32Array(of: number | ArrayBufferLike | ArrayLike<number>): unknown {
  if (following && of instanceof SharedArrayBuffer) return sharedWords;
  return new RealInt32Array(of as ArrayBufferLike);
}
export { FollowedInt32Array as Int32Array };

type Words = Int32Array<SharedArrayBuffer>;
const isFollowed = (words: Words): boolean => (words as unknown as { [WORDS]?: true })[WORDS] === true;

function twoOperands(touch: "store" | "add" | "sub" | "and" | "or" | "xor" | "exchange") {
  return (words: Words, at: number, value: number): number => {
    if (!isFollowed(words)) return RealAtomics[touch](words, at, value);
    const read = following!.touch(touch, at, value);
    return touch === "store" ? value : read;
  };
}

function compareExchange(words: Words, at: number, expected: number, value: number): number {
  if (!isFollowed(words)) return RealAtomics.compareExchange(words, at, expected, value);
  return following!.touch("compareExchange", at, expected, value);
}

function load(words: Words, at: number): number {
  return isFollowed(words) ? following!.touch("load", at) : RealAtomics.load(words, at);
}

export const Atomics = {
  load,
  compareExchange,
  store: twoOperands("store"),
  add: twoOperands("add"),
  sub: twoOperands("sub"),
  and: twoOperands("and"),
  or: twoOperands("or"),
  xor: twoOperands("xor"),
  exchange: twoOperands("exchange"),
  notify: (words: Words, at: number) => isFollowed(words) ? 0 : RealAtomics.notify(words, at),
  waitAsync(words: Words, at: number, value: number) {
    if (!isFollowed(words)) return RealAtomics.waitAsync(words, at, value);
    following!.touch("sleep", at, value);
    return { async: false, value: "not-equal" };
  },
  /** What a broken build does in place of `compareExchange` (variants.ts): others may step in between. */
  checkThenStore(words: Words, at: number, expected: number, value: number): number {
    const read = load(words, at);
    if (read === expected) Atomics.store(words, at, value);
    return read;
  },
};
