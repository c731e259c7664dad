/**
 * The function table: how many wait, and which containers seem to have room. Words of a slot:
 *
 * | word  | what                                            | written by         | read by    |
 * |-------|-------------------------------------------------|--------------------|------------|
 * | 0     | 1 = in use                                      | controller         | anyone     |
 * | 1     | generation: another configuration, another one  | controller         | anyone     |
 * | 2     | 1 = the controller has been rung for it         | anyone, exchange   | controller |
 * | 3     | milliseconds that who comes to wait will wait   | controller         | anyone     |
 * | 4     | and microseconds more for each who waits before | controller         | anyone     |
 * | 16    | waiting acquires                                | anyone, add        | anyone     |
 * | 17    | ring head, wraps                                | anyone, by CAS     | anyone     |
 * | 18    | ring tail, wraps                                | anyone, by CAS     | anyone     |
 * | 19    | summary: bit c = chunk c seems to have room     | anyone, or/and     | anyone     |
 * | 20–51 | chunk c + 1, 0 = none                           | controller         | anyone     |
 *
 * A chunk holds 32 ranks: word 0 the bitmap "rank seems to have room", words 1 to 32 container slot + 1 of each rank
 * (0 = none). What an acquire reads of the lowest ranks lies in one cache line here and in one of the chunk.
 *
 * Bitmaps and summaries are hints, the claim word decides. Who clears a bit because there was no room looks at the
 * claim word (or the bitmap) again afterwards and sets the bit again where there is some now: a releaser that set it in
 * between is not lost. So a hint may be read plainly and stale, except where it says that there is nothing: an acquire
 * that goes to wait upon it has counted itself as waiting before, a releaser looks at that count after it has set the
 * hint, and this "each writes, then looks" needs atomic looks on both sides.
 */
import { assert, AssertionError } from "../base/mod.ts";
import { ContainerPhase, hasRoom, inFlightOf, limitOf, phaseOf } from "./claim.ts";
import { type ContainerTable, NO_CLAIM } from "./containers.ts";
import { CHUNK_RANKS, CHUNK_WORDS, CHUNKS_PER_FUNCTION, FUNCTION_WORDS, RANKS_PER_FUNCTION } from "./layout.ts";
import { lowestBit } from "./placement.ts";

const IN_USE = 0, GENERATION = 1, RUNG = 2, WAIT_MS = 3, WAIT_MICROS_EACH = 4, SUMMARY = 19, CHUNKS = 20;
export const WAITING = 16, RING_HEAD = 17, RING_TAIL = 18;
const BITMAP = 0, RANKS = 1;
const WORD_MAX = 0x7fffffff;

export class FunctionTable {
  /** Whether the last `claim` of this thread withdrew a hint on its way. */
  withdrew = false;
  /** Chunks nobody has. Controller only, so it lives on its heap. */
  private readonly freeChunks: number[] = [];

  constructor(
    private readonly words: Int32Array,
    private readonly base: number,
    readonly size: number,
    private readonly chunkBase: number,
    chunkCount: number,
    private readonly containers: ContainerTable,
  ) {
    for (let chunk = chunkCount - 1; chunk >= 0; chunk--) this.freeChunks.push(chunk);
  }

  /** Takes a free slot into use. Controller only. */
  define(slot: number): void {
    const at = this.at(slot);
    assert(Atomics.load(this.words, at + IN_USE) === 0, `function slot ${slot} is taken`);
    Atomics.store(this.words, at + GENERATION, (this.words[at + GENERATION] + 1) | 0);
    Atomics.store(this.words, at + SUMMARY, 0);
    this.expectWait(slot, 0, 0);
    Atomics.store(this.words, at + IN_USE, 1);
  }

  /** Notes how long who comes to wait is expected to wait, and how much longer for each before it. Controller only. */
  expectWait(slot: number, waitMs: number, eachMs: number): void {
    const at = this.at(slot);
    Atomics.store(this.words, at + WAIT_MS, Math.min(WORD_MAX, waitMs));
    Atomics.store(this.words, at + WAIT_MICROS_EACH, Math.min(WORD_MAX, eachMs * 1_000));
  }

  /** About how long who comes now will wait, behind so many others; a guess that may be stale. Any thread. */
  expectedWaitMs(slot: number, before: number): number {
    const at = this.at(slot);
    return Atomics.load(this.words, at + WAIT_MS) + before * Atomics.load(this.words, at + WAIT_MICROS_EACH) / 1_000;
  }

  /**
   * Gives the slot of a function without containers back; false where acquires wait, then nothing is changed. Controller
   * only.
   *
   * Who found the function a moment before may come too late. An acquire that claims looks at the generation after it: a
   * permit of the slot's next function goes back (while it is held, the slot is not forgotten again). An acquire that
   * queues looks at it after `WaitQueue.push`, which counts it as waiting first; here the slot is given back first and
   * the count looked at then: one of the two sees the other.
   */
  forget(slot: number): boolean {
    const at = this.at(slot);
    Atomics.store(this.words, at + IN_USE, 0);
    if (this.waiting(slot) !== 0) {
      Atomics.store(this.words, at + IN_USE, 1);
      return false;
    }
    Atomics.store(this.words, at + SUMMARY, 0);
    for (let c = 0; c < CHUNKS_PER_FUNCTION; c++) {
      const chunk = this.words[at + CHUNKS + c] - 1;
      if (chunk < 0) continue;
      for (let r = 0; r < CHUNK_RANKS; r++) {
        assert(this.words[this.chunkAt(chunk) + RANKS + r] === 0, `function slot ${slot} still has containers`);
      }
      Atomics.store(this.words, at + CHUNKS + c, 0);
      this.freeChunks.push(chunk);
    }
    return true;
  }

  /** Whether the slot is still that of the function that had this generation when it was found. Any thread. */
  isStill(slot: number, generation: number): boolean {
    return this.inUse(slot) && this.generation(slot) === generation;
  }

  /** Whether `addRank` would find one now. Controller only. */
  hasFreeRank(slot: number): boolean {
    for (let c = 0; c < CHUNKS_PER_FUNCTION; c++) {
      const chunk = this.words[this.at(slot) + CHUNKS + c] - 1;
      if (chunk < 0) return this.freeChunks.length > 0;
      const ranks = this.chunkAt(chunk) + RANKS;
      for (let r = 0; r < CHUNK_RANKS; r++) if (this.words[ranks + r] === 0) return true;
    }
    return false;
  }

  /** Gives the container the function's lowest free rank, or answers −1 where all are taken. Controller only. */
  addRank(slot: number, containerSlot: number): number {
    const at = this.at(slot);
    for (let c = 0; c < CHUNKS_PER_FUNCTION; c++) {
      let chunk = this.words[at + CHUNKS + c] - 1;
      if (chunk < 0) {
        const fresh = this.freeChunks.pop();
        if (fresh === undefined) return -1;
        Atomics.store(this.words, this.chunkAt(fresh) + BITMAP, 0);
        Atomics.store(this.words, at + CHUNKS + c, fresh + 1);
        chunk = fresh;
      }
      for (let r = 0; r < CHUNK_RANKS; r++) {
        const word = this.chunkAt(chunk) + RANKS + r;
        if (this.words[word] !== 0) continue;
        Atomics.store(this.words, word, containerSlot + 1);
        return c * CHUNK_RANKS + r;
      }
    }
    return -1;
  }

  /** Takes the rank from its container. Controller only, after the claim word has left `warm`. */
  removeRank(slot: number, rank: number): void {
    const chunk = this.chunkOf(slot, rank);
    Atomics.and(this.words, chunk + BITMAP, ~(1 << (rank % CHUNK_RANKS)));
    Atomics.store(this.words, chunk + RANKS + rank % CHUNK_RANKS, 0);
  }

  /** Says that the container of this rank has room. Any thread. */
  offer(slot: number, rank: number): void {
    const { words } = this;
    const at = this.at(slot);
    const c = rank >>> 5;
    // Plain, as in `chunkOf`. The caller's permit is back already, so container, chunk and function may be gone by now:
    // then there is nothing to offer, and a bit set in a chunk that is somebody else's is one hint too many.
    const held = words[at + CHUNKS + c];
    if (held === 0) return;
    const bitmap = this.chunkAt(held - 1) + BITMAP;
    const bit = 1 << (rank & 31);
    if ((Atomics.load(words, bitmap) & bit) === 0) Atomics.or(words, bitmap, bit);
    if ((Atomics.load(words, at + SUMMARY) & (1 << c)) === 0) Atomics.or(words, at + SUMMARY, 1 << c);
  }

  /**
   * Takes a permit of the function's lowest-ranked container with room; answers its slot, or −1. Any thread.
   * Lowest first packs the load on the old containers, so that the young ones fall idle and can go.
   *
   *     loop: summary = 0: none.  bitmap of its lowest chunk = 0: clear the summary's bit, look again, loop
   *           claim of the lowest rank's container: done; it had no room: clear its bit, look again, loop
   *
   * Who takes the last permit leaves the bit as it is: as a rule it comes back before anybody else looks for one.
   */
  claim(slot: number): number {
    const { words } = this;
    const at = this.at(slot);
    this.withdrew = false;
    for (;;) {
      // Plain looks at hints; only "nothing" is made sure of by an atomic one.
      const summary = words[at + SUMMARY] || Atomics.load(words, at + SUMMARY);
      if (summary === 0) return -1;
      const c = lowestBit(summary);
      const held = words[at + CHUNKS + c] || Atomics.load(words, at + CHUNKS + c);
      if (held === 0) return -1; // The function has been forgotten meanwhile.
      const chunk = this.chunkAt(held - 1);
      const bitmap = words[chunk + BITMAP];
      if (bitmap === 0) {
        this.withdrew = true;
        Atomics.and(this.words, at + SUMMARY, ~(1 << c));
        if (Atomics.load(this.words, chunk + BITMAP) !== 0) Atomics.or(this.words, at + SUMMARY, 1 << c);
        continue;
      }
      const r = lowestBit(bitmap);
      const container = words[chunk + RANKS + r] - 1;
      const claim = container < 0 ? NO_CLAIM : this.containers.claim(container, slot);
      if (claim !== NO_CLAIM) return container;
      this.withdraw(chunk, r);
    }
  }

  /** The function's first 32 ranks that seem to have room, as a bitmap; a plain, possibly stale look. */
  roomHint(slot: number): number {
    const chunk = this.words[this.at(slot) + CHUNKS] - 1;
    return chunk < 0 ? 0 : this.words[this.chunkAt(chunk) + BITMAP];
  }

  /** The container that has this rank, or −1. */
  containerAt(slot: number, rank: number): number {
    const chunk = Atomics.load(this.words, this.at(slot) + CHUNKS + Math.floor(rank / CHUNK_RANKS)) - 1;
    return chunk < 0 ? -1 : Atomics.load(this.words, this.chunkAt(chunk) + RANKS + rank % CHUNK_RANKS) - 1;
  }

  /** Whether acquires seem to wait: a plain, possibly stale look, for who would only be polite to them. */
  seemsAwaited(slot: number): boolean {
    return this.words[this.at(slot) + WAITING] !== 0;
  }
  waiting(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + WAITING);
  }
  addWaiting(slot: number, by: 1 | -1): void {
    const waiting = Atomics.add(this.words, this.at(slot) + WAITING, by) + by;
    // Not by `assert`, which would put the text together each time.
    if (waiting < 0) throw new AssertionError(`function slot ${slot} has ${waiting} waiting acquires`);
  }
  inUse(slot: number): boolean {
    return Atomics.load(this.words, this.at(slot) + IN_USE) === 1;
  }
  generation(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + GENERATION);
  }
  /** Makes the configuration that other threads remember an old one. Controller only. */
  renew(slot: number): void {
    Atomics.add(this.words, this.at(slot) + GENERATION, 1);
  }
  /** Whether the controller still has to be told that somebody waits: true for the first who asks. Any thread. */
  ring(slot: number): boolean {
    return Atomics.exchange(this.words, this.at(slot) + RUNG, 1) === 0;
  }
  /** The controller listens anew; it must look at `waiting` after this. Controller only. */
  listen(slot: number): void {
    Atomics.store(this.words, this.at(slot) + RUNG, 0);
  }
  /** First word of the slot, for the ring that keeps its head and tail here. */
  wordsAt(slot: number): number {
    return this.at(slot);
  }

  /** Containers that have a rank: warm ones, and those that drain. Walks all ranks: for people. */
  countContainers(slot: number): number {
    let count = 0;
    this.eachContainer(slot, () => count++);
    return count;
  }

  /** Permits that could be claimed now. Walks all ranks: for the controller and for checks. */
  freePermits(slot: number): number {
    let permits = 0;
    this.eachContainer(slot, (container) => {
      const claim = this.containers.claimWord(container);
      // One taken over as it ran may have more in flight than its limit.
      if (phaseOf(claim) === ContainerPhase.warm) permits += Math.max(0, limitOf(claim) - inFlightOf(claim));
    });
    return permits;
  }

  /** Every container with room must be offered (while nobody is mid-operation), in bitmap and summary. */
  checkInvariants(): void {
    for (let slot = 0; slot < this.size; slot++) {
      if (!this.inUse(slot)) continue;
      this.eachContainer(slot, (container, rank) => {
        if (!hasRoom(this.containers.claimWord(container))) return;
        const bits = Atomics.load(this.words, this.chunkOf(slot, rank) + BITMAP);
        const summary = Atomics.load(this.words, this.at(slot) + SUMMARY);
        const c = Math.floor(rank / CHUNK_RANKS);
        const offered = (bits & (1 << (rank % CHUNK_RANKS))) !== 0 && (summary & (1 << c)) !== 0;
        assert(offered, `function slot ${slot}: rank ${rank} has room and is not offered`);
      });
      const stranded = this.waiting(slot) > 0 && this.freePermits(slot) > 0;
      assert(!stranded, `function slot ${slot} has both a free permit and a waiting acquire`);
    }
  }

  private eachContainer(slot: number, visit: (container: number, rank: number) => void): void {
    for (let rank = 0; rank < RANKS_PER_FUNCTION; rank++) {
      const chunk = this.words[this.at(slot) + CHUNKS + Math.floor(rank / CHUNK_RANKS)] - 1;
      if (chunk < 0) {
        rank += CHUNK_RANKS - 1;
        continue;
      }
      const container = this.words[this.chunkAt(chunk) + RANKS + rank % CHUNK_RANKS] - 1;
      if (container >= 0) visit(container, rank);
    }
  }

  /**
   * Clears a rank's bit because its container had no room, then looks again: also at who has the rank, because the
   * controller may have given it to another container (and offered that one) since, or the whole chunk to another
   * function.
   */
  private withdraw(chunk: number, r: number): void {
    const bit = 1 << r;
    this.withdrew = true;
    Atomics.and(this.words, chunk + BITMAP, ~bit);
    const container = Atomics.load(this.words, chunk + RANKS + r) - 1;
    if (container < 0) return;
    if (!hasRoom(this.containers.claimWord(container))) return;
    this.offer(this.containers.functionSlot(container), this.containers.rank(container));
  }

  private chunkOf(slot: number, rank: number): number {
    // Plain: a chunk stays with its function as long as a rank of it is in use, and whoever asks knows of one.
    const chunk = this.words[this.at(slot) + CHUNKS + (rank >>> 5)] - 1;
    if (chunk < 0) throw new AssertionError(`function slot ${slot} has no rank ${rank}`);
    return this.chunkAt(chunk);
  }
  private chunkAt(chunk: number): number {
    return this.chunkBase + chunk * CHUNK_WORDS;
  }
  private at(slot: number): number {
    return this.base + slot * FUNCTION_WORDS;
  }
}
