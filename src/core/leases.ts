/**
 * The lease table: request id → container, in buckets of 8 entries, two buckets to choose from by the id's hash. Words
 * of a bucket, entry i of it having one of every eight:
 *
 * | word      | what                                         | written by             | read by            |
 * |-----------|----------------------------------------------|------------------------|--------------------|
 * | i         | state, bits 0–2; generation, bits 3–30       | anyone, by CAS         | anyone             |
 * | 8 + i     | hash of the request id, low half             | owner while `claiming` | anyone             |
 * | 16        | gate: entries in the second bucket of an id whose first this is | anyone, add | (by the add) |
 * | 20 + 4i   | hash of the request id, high half            | owner while `claiming` | anyone             |
 * | 21 + 4i   | container slot                               | owner while acquiring  | anyone once `live` |
 * | 22 + 4i   | container generation                         | owner while acquiring  | anyone once `live` |
 * | 23 + 4i   | which worker acquires; from `live` on the deadline, wrapped milliseconds | owner | anyone     |
 *
 * What is looked through shares the first cache line; the gate shares the second one with the entries that are taken
 * first. So an insertion and its end as a rule touch two lines, which is what two threads pay for when their requests
 * fall into the same buckets.
 *
 * Publication: `acquiring` and what was written before it by the add to the gate, the rest by the store of `live`.
 * Every freeing write counts the generation up, so that a state word read long ago can never be swapped by mistake. Who
 * has not come through that gate after it may, on a machine that reorders stores, see `acquiring` before the hash: at
 * worst an insertion is answered `busy` that need not be, and its caller tries again.
 *
 * Insertion, against a second insertion of the same id at the same time:
 *
 *     CAS an empty entry: empty → claiming; none: look as below, then answer with what is there, or `full`
 *     write the hash; write acquiring; add to the gate of the id's first bucket: 1 if the entry is not in it, else 0
 *     for each other entry of the first bucket with this hash, and of the second one if the gate was not 0 or the
 *     entry is in it:
 *         live: withdraw, answer with it
 *         acquiring or ending: withdraw, answer `busy` unless a live one follows
 *
 * Of two threads that insert an id at once, it is enough that one sees the other, and the second at the gate does: its
 * add reads what the first one's add (or one after that) wrote, so all that the first wrote before is visible to its
 * plain reads, and so is, by the gate's count, that there is something in the second bucket. That is why the hashes are
 * looked through by plain reads, which cost a twentieth of an atomic one; what they point at is then looked at
 * atomically. Where both see each other both withdraw, and both callers try again: the moment for that is the one
 * between a CAS and an add, and to name a winner would cost every insertion another CAS.
 */
import { assert, AssertionError } from "../base/mod.ts";
import type { Hash64 } from "./hash.ts";
import { BUCKET_LEASES, LEASE_WORDS } from "./layout.ts";

export const LeaseState = {
  empty: 0,
  claiming: 1,
  acquiring: 2,
  live: 3,
  ending: 4,
} as const;
export type LeaseState = (typeof LeaseState)[keyof typeof LeaseState];

const BUCKET_WORDS = BUCKET_LEASES * LEASE_WORDS;
/** Words of a bucket: its entries' states and low halves, its gate, its entries' other words. */
const STATES = 0, HASHES_LO = 8, GATE = 16, ENTRIES = 20, ENTRY_WORDS = 4;
const HASH_HI = 0, CONTAINER = 1, CONTAINER_GENERATION = 2, DEADLINE = 3;
/** Nobody asks for the deadline before it is written, nor for the owner after that. */
const OWNER = DEADLINE;
const GENERATION_STEP = 8;
const WORD_MASK = 0x7fffffff;

/** What `insert` found: a new entry, one that is live already, one still being acquired, or no place. */
export type InsertResult = "inserted" | "live" | "busy" | "full";

export class LeaseTable {
  /** Entry that the last `insert` or `find` was about, and which life of it. */
  found = -1;
  foundLife = 0;
  private readonly bucketMask: number;

  constructor(
    private readonly words: Int32Array,
    private readonly base: number,
    readonly size: number,
    private readonly worker: number = 0,
  ) {
    const buckets = size / BUCKET_LEASES;
    assert((buckets & (buckets - 1)) === 0, `${size} leases are no power of two`);
    this.bucketMask = buckets - 1;
  }

  /** Makes an entry for a request id in state `acquiring`; the entry's index is in `found` unless the table is full. */
  insert(hash: Hash64): InsertResult {
    const { words } = this;
    const first = hash.lo & this.bucketMask, second = hash.hi & this.bucketMask;
    const index = this.claimEmpty(first, second);
    if (index < 0) {
      const known = this.lookAt(hash, first, second, -1);
      return known === "none" ? "full" : known;
    }
    const state = this.stateAt(index), at = this.at(index);
    const claiming = words[state]; // Plain: this thread has just written it, and while `claiming` nobody else may.
    words[state + HASHES_LO] = hash.lo;
    words[at + HASH_HI] = hash.hi;
    words[at + OWNER] = this.worker;
    words[state] = withState(claiming, LeaseState.acquiring); // Plain: the add publishes it.
    const spilled = index >>> 3 === first ? 0 : 1;
    const spills = Atomics.add(words, this.bucketAt(first) + GATE, spilled) + spilled;
    const rival = this.lookAt(hash, first, spills === 0 ? first : second, index);
    if (rival !== "none") {
      this.free(index);
      return rival;
    }
    this.found = index;
    this.foundLife = claiming >>> 3;
    return "inserted";
  }

  /** Makes an `acquiring` entry live. Its owner only. */
  publish(index: number, containerSlot: number, containerGeneration: number, deadlineMs: number): void {
    const { words } = this;
    const state = this.stateAt(index), at = this.at(index);
    const word = words[state]; // Plain: once `acquiring`, only this thread writes it.
    if (stateOf(word) !== LeaseState.acquiring) broken(index, "is not being acquired");
    words[at + CONTAINER] = containerSlot;
    words[at + CONTAINER_GENERATION] = containerGeneration;
    words[at + DEADLINE] = deadlineMs | 0;
    Atomics.store(words, state, withState(word, LeaseState.live));
  }

  /** Gives an `acquiring` entry up. Its owner only. */
  abandon(index: number): void {
    if (stateOf(this.words[this.stateAt(index)]) !== LeaseState.acquiring) broken(index, "is not being acquired");
    this.free(index);
  }

  /**
   * The live entry of a request id, or −1; which life of it is in `foundLife`. Plain reads find it: whoever returns a
   * container was told of the lease after it was published. What they found is then read again behind an atomic load
   * of the state word, so that hash and life belong together.
   */
  find(hash: Hash64): number {
    const first = hash.lo & this.bucketMask, second = hash.hi & this.bucketMask;
    const index = this.findIn(hash, first);
    return index >= 0 || second === first ? index : this.findIn(hash, second);
  }

  /** Whether the entry is live, and still in the life that `find` or `insert` told. */
  isLive(index: number, life: number): boolean {
    const word = Atomics.load(this.words, this.stateAt(index));
    return stateOf(word) === LeaseState.live && word >>> 3 === life;
  }

  /**
   * live → ending: whoever wins does the release, then calls `end`. With the `life` that `find` told, a lease that has
   * been ended meanwhile is never taken for the one that has its entry now.
   */
  beginEnd(index: number, life: number = this.generation(index)): boolean {
    const live = life << 3 | LeaseState.live, ending = life << 3 | LeaseState.ending;
    return Atomics.compareExchange(this.words, this.stateAt(index), live, ending) === live;
  }

  /** Frees an entry in state `ending`. The winner of `beginEnd` only. */
  end(index: number): void {
    if (stateOf(this.words[this.stateAt(index)]) !== LeaseState.ending) broken(index, "is not ending");
    this.free(index);
  }

  /** Calls `visit` for every live entry from `from` to `to` whose deadline is over, with its life for `beginEnd`. */
  eachExpired(from: number, to: number, nowMs: number, visit: (index: number, life: number) => void): void {
    const end = Math.min(to, this.size);
    for (let index = from; index < end; index++) {
      // Plain reads: an expiry seen one round late does no harm, and this walks the whole table.
      if (stateOf(this.words[this.stateAt(index)]) !== LeaseState.live) continue;
      const word = Atomics.load(this.words, this.stateAt(index));
      if (stateOf(word) !== LeaseState.live) continue;
      if (((nowMs | 0) - this.words[this.at(index) + DEADLINE] | 0) >= 0) visit(index, word >>> 3);
    }
  }

  /** Calls `visit` for every live entry of this container, with its life for `beginEnd`. Walks the whole table. */
  eachOf(
    containerSlot: number,
    containerGeneration: number,
    visit: (index: number, life: number) => void,
  ): void {
    for (let index = 0; index < this.size; index++) {
      const word = Atomics.load(this.words, this.stateAt(index));
      if (stateOf(word) !== LeaseState.live || this.containerSlot(index) !== containerSlot) continue;
      if (this.containerGeneration(index) === containerGeneration) visit(index, word >>> 3);
    }
  }

  /**
   * Frees what a worker that is gone was inserting or acquiring, and answers how many entries those were. Its live ones
   * stay: they end by their return or their deadline. An entry in state `claiming` is left alone, because its owner
   * word may be of its last life; nothing can fail between the claim and the add to the gate. Controller only.
   */
  sweep(worker: number): number {
    let freed = 0;
    for (let index = 0; index < this.size; index++) {
      const state = this.state(index);
      if (state !== LeaseState.acquiring || this.words[this.at(index) + OWNER] !== worker) continue;
      this.free(index);
      freed++;
    }
    return freed;
  }

  state(index: number): LeaseState {
    return stateOf(Atomics.load(this.words, this.stateAt(index)));
  }
  containerSlot(index: number): number {
    return this.words[this.at(index) + CONTAINER];
  }
  containerGeneration(index: number): number {
    return this.words[this.at(index) + CONTAINER_GENERATION];
  }

  /** Counts the lives of an entry: another number means another lease than the one seen before. */
  generation(index: number): number {
    return Atomics.load(this.words, this.stateAt(index)) >>> 3;
  }

  /** Live leases. Walks the whole table: for people and checks. */
  countLive(): number {
    let live = 0;
    for (let index = 0; index < this.size; index++) if (this.state(index) === LeaseState.live) live++;
    return live;
  }

  /** No two live entries have the same hash, and every gate tells how many of its bucket's ids are in the other one. */
  checkInvariants(): void {
    const seen = new Set<string>();
    const spills = new Int32Array(this.bucketMask + 1);
    for (let index = 0; index < this.size; index++) {
      const state = this.state(index), first = this.words[this.stateAt(index) + HASHES_LO] & this.bucketMask;
      if (state >= LeaseState.acquiring && index >>> 3 !== first) spills[first]++;
      if (state !== LeaseState.live) continue;
      const key = `${this.words[this.stateAt(index) + HASHES_LO]} ${this.words[this.at(index) + HASH_HI]}`;
      assert(!seen.has(key), `two live leases of one request id, the second at ${index}`);
      seen.add(key);
    }
    for (const [bucket, wanted] of spills.entries()) {
      const told = Atomics.load(this.words, this.bucketAt(bucket) + GATE);
      assert(told === wanted, `bucket ${bucket} of the leases counts ${told} in second buckets, there are ${wanted}`);
    }
  }

  /** Other entries with this hash in either bucket: what they mean for an insertion at `own` (−1: there is no place). */
  private lookAt(hash: Hash64, first: number, second: number, own: number): InsertResult | "none" {
    const meaning = this.lookIn(hash, first, own);
    if (meaning === "live" || second === first) return meaning;
    const other = this.lookIn(hash, second, own);
    return other === "none" ? meaning : other;
  }

  private lookIn(hash: Hash64, bucket: number, own: number): InsertResult | "none" {
    const { words } = this;
    const { lo } = hash;
    const from = this.bucketAt(bucket) + HASHES_LO;
    let worst: InsertResult | "none" = "none";
    for (let i = 0; i < BUCKET_LEASES; i++) {
      if (words[from + i] !== lo) continue;
      const index = bucket * BUCKET_LEASES + i;
      const meaning = index === own ? "none" : this.judge(hash, index);
      if (meaning === "live") return meaning;
      if (meaning === "busy") worst = meaning;
    }
    return worst;
  }

  /** What an entry that seems to have this hash means for an insertion. */
  private judge(hash: Hash64, index: number): InsertResult | "none" {
    const at = this.stateAt(index);
    const word = Atomics.load(this.words, at);
    const state = stateOf(word);
    if (state < LeaseState.acquiring || !this.hasHash(index, hash)) return "none";
    if (Atomics.load(this.words, at) >>> 3 !== word >>> 3) return "none"; // Gone meanwhile.
    this.found = index;
    this.foundLife = word >>> 3;
    return state === LeaseState.live ? "live" : "busy";
  }

  private findIn(hash: Hash64, bucket: number): number {
    const { words } = this;
    const { lo } = hash;
    const from = this.bucketAt(bucket) + HASHES_LO;
    for (let i = 0; i < BUCKET_LEASES; i++) {
      if (words[from + i] !== lo) continue;
      const index = bucket * BUCKET_LEASES + i;
      const word = Atomics.load(words, this.stateAt(index));
      if (stateOf(word) !== LeaseState.live || !this.hasHash(index, hash)) continue;
      this.found = index;
      this.foundLife = word >>> 3;
      return index;
    }
    return -1;
  }

  /**
   * Claims an empty entry: the first bucket's, unless that seems half full and the second one emptier. The lowest empty
   * place tells how full a bucket is, because the lowest are taken first. Where all seem taken, −1.
   */
  private claimEmpty(first: number, second: number): number {
    for (;;) {
      let bucket = first, i = this.lowestEmpty(first);
      if (i >= BUCKET_LEASES / 2) {
        const other = this.lowestEmpty(second);
        if (other < i) [bucket, i] = [second, other];
      }
      if (i === BUCKET_LEASES) return -1;
      const at = this.bucketAt(bucket) + STATES + i;
      const word = this.words[at]; // Plain, as in lowestEmpty: the CAS decides.
      if (stateOf(word) !== LeaseState.empty) continue;
      if (Atomics.compareExchange(this.words, at, word, withState(word, LeaseState.claiming)) === word) {
        return bucket * BUCKET_LEASES + i;
      }
    }
  }

  /** Place of the bucket's first entry that seems empty, or {@linkcode BUCKET_LEASES}. */
  private lowestEmpty(bucket: number): number {
    const from = this.bucketAt(bucket) + STATES;
    let i = 0;
    while (i < BUCKET_LEASES && stateOf(this.words[from + i]) !== LeaseState.empty) i++;
    return i;
  }

  /**
   * Its owner only, who alone writes the word in these states: hence plainly. Whoever takes the entry next does so by a
   * CAS from what is written here; and what was written to it or read of it before is far behind, an atomic step lies
   * between.
   */
  private free(index: number): void {
    const { words } = this;
    const at = this.stateAt(index);
    const first = words[at + HASHES_LO] & this.bucketMask;
    words[at] = (withState(words[at], LeaseState.empty) + GENERATION_STEP) & WORD_MASK;
    if (index >>> 3 !== first) Atomics.sub(words, this.bucketAt(first) + GATE, 1);
  }

  private hasHash(index: number, hash: Hash64): boolean {
    return this.words[this.stateAt(index) + HASHES_LO] === hash.lo && this.words[this.at(index) + HASH_HI] === hash.hi;
  }

  private bucketAt(bucket: number): number {
    return this.base + bucket * BUCKET_WORDS;
  }
  private stateAt(index: number): number {
    return this.bucketAt(index >>> 3) + STATES + (index & 7);
  }
  /** First of an entry's other words. */
  private at(index: number): number {
    return this.bucketAt(index >>> 3) + ENTRIES + (index & 7) * ENTRY_WORDS;
  }
}

/** Apart, so that the texts of assertions that hold are never put together. */
function broken(index: number, what: string): never {
  throw new AssertionError(`lease ${index} ${what}`);
}

const stateOf = (word: number): LeaseState => (word & 7) as LeaseState;
const withState = (word: number, state: LeaseState): number => (word & ~7) | state;
