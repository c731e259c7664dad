/** What the workers do, in an order that the seed alone decides. What becomes of it depends on the other threads. */
import { type Random, seededRandom } from "../../base/mod.ts";

/** Operations of a worker; the index is their number in counters and reports. */
export const OPERATIONS = [
  "acquire", // an id of the common space, any function
  "duel", // the same with one of a few ids that all workers like
  "release", // one of its own, if it still is
  "releaseAny", // any id, whoever has it
  "releaseAgain", // the id released last
  "cancel", // one of its waiting tickets
  "letters", // empty the mailbox
  "reserve", // find a node and reserve on it
  "unreserve", // give a reservation back
  "look", // learn which functions there are
  "linger", // do nothing for a moment
  "sleep", // until the doorbell rings
  "exit", // fail, between two operations
] as const;
const SLEEP = OPERATIONS.indexOf("sleep"), EXIT = OPERATIONS.indexOf("exit");

/** Weights of the operations in a mood; the last two come by odds instead. */
const MOODS: readonly (readonly number[])[] = [
  //acq duel rel any again cancel letters reserve unreserve look linger
  [26, 4, 14, 3, 1, 5, 14, 3, 3, 1, 2],
  [6, 1, 26, 8, 3, 3, 20, 1, 3, 1, 1],
  [6, 26, 10, 16, 8, 6, 10, 1, 1, 1, 1],
  [30, 2, 8, 1, 1, 20, 12, 1, 1, 1, 1],
  [10, 1, 10, 1, 1, 2, 12, 20, 18, 1, 1],
];
const MOOD_OPERATIONS_MAX = 600;
/** One operation of so many makes its worker sleep, or fail. Both cost as much time as thousands of others. */
const SLEEP_ODDS = 2_000;
const EXIT_ODDS = 40_000;

/** The endless list of one life of a worker. Three numbers come with each operation, whether or not it needs them. */
export class Operations {
  what = 0;
  a = 0;
  b = 0;
  c = 0;
  private readonly random: Random;
  private mood: readonly number[] = MOODS[0];
  private moodWeight = 0;
  private moodLeft = 0;

  constructor(seed: number, worker: number, life: number) {
    this.random = seededRandom(mixSeed(seed, worker, life));
  }

  /** Moves on to the next operation. */
  next(): void {
    const { random } = this;
    if (this.moodLeft-- === 0) {
      this.mood = MOODS[random.below(MOODS.length)];
      this.moodWeight = this.mood.reduce((sum, weight) => sum + weight, 0);
      this.moodLeft = random.below(MOOD_OPERATIONS_MAX);
    }
    let pick = random.below(this.moodWeight);
    let what = 0;
    while (pick >= this.mood[what]) pick -= this.mood[what++];
    this.a = random.uint32();
    this.b = random.uint32();
    this.c = random.uint32();
    const rare = random.below(EXIT_ODDS);
    if (rare === 0) what = EXIT;
    else if (rare % SLEEP_ODDS === 0) what = SLEEP;
    this.what = what;
  }
}

/** One seed out of several numbers. */
export function mixSeed(...numbers: readonly number[]): number {
  let mixed = 0x9e3779b9;
  for (const number of numbers) {
    mixed = Math.imul(mixed ^ number, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
    mixed ^= mixed >>> 13;
  }
  return mixed >>> 0;
}
