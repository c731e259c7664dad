/**
 * The container table. Words of a slot:
 *
 * | word | what                                          | written by                | read by    |
 * |------|-----------------------------------------------|---------------------------|------------|
 * | 0    | claim (see claim.ts)                          | anyone, by CAS            | anyone     |
 * | 1    | generation                                    | controller                | anyone     |
 * | 2    | function slot                                 | controller                | anyone     |
 * | 3    | node slot                                     | controller                | anyone     |
 * | 4    | memory in KiB                                 | controller                | controller |
 * | 5    | rank in its function                          | controller                | anyone     |
 * | 6    | idle since, wrapped milliseconds              | who takes in-flight to 0  | controller |
 * | 7    | 1 until the first grant of a cold start       | controller; first grantee | anyone     |
 * | 8    | microseconds that its creation took           | controller                | anyone     |
 * | 9    | of these, its boot                            | controller                | anyone     |
 * | 10   | and the loading of its code                   | controller                | anyone     |
 *
 * Publication: the controller fills words 1 to 10 while the phase is `starting` and then stores the claim word as
 * `warm`. Words 1 to 5 stay until the phase is `free` again, so whoever has read a claim word of this life atomically
 * (or holds a permit, or is the controller) reads them plainly. A claim read stale makes the CAS fail.
 */
import { assert, assertInteger, AssertionError, CONCURRENCY_MAX } from "../base/mod.ts";
import {
  ContainerPhase,
  GENERATION_MASK,
  generationOf,
  hasRoom,
  inFlightOf,
  limitOf,
  packClaim,
  phaseOf,
  withLimit,
  withPhase,
} from "./claim.ts";
import { CONTAINER_WORDS } from "./layout.ts";

const CLAIM = 0, GENERATION = 1, FUNCTION = 2, NODE = 3, MEMORY = 4, RANK = 5, IDLE_SINCE = 6, FRESH = 7, CREATE = 8;

/** What `claim` answers where it gave no permit. */
export const NO_CLAIM = -1;

export class ContainerTable {
  constructor(private readonly words: Int32Array, private readonly base: number, readonly size: number) {}

  /** Makes a free slot a starting container. Controller only. */
  begin(slot: number, functionSlot: number, nodeSlot: number, kib: number): number {
    const at = this.at(slot);
    assert(phaseOf(Atomics.load(this.words, at + CLAIM)) === ContainerPhase.free, `container slot ${slot} is taken`);
    const generation = (this.words[at + GENERATION] + 1) & 0x7fffffff;
    Atomics.store(this.words, at + GENERATION, generation);
    Atomics.store(this.words, at + FUNCTION, functionSlot);
    Atomics.store(this.words, at + NODE, nodeSlot);
    Atomics.store(this.words, at + MEMORY, kib);
    Atomics.store(this.words, at + RANK, -1);
    Atomics.store(this.words, at + FRESH, 0);
    Atomics.store(this.words, at + CLAIM, packClaim(0, 0, ContainerPhase.starting, generation));
    return generation;
  }

  /** Notes how long its start took, in milliseconds, before it is published. Controller only. */
  setStart(slot: number, createMs: number, bootMs: number, importMs: number): void {
    const at = this.at(slot) + CREATE;
    [createMs, bootMs, importMs].forEach((ms, i) => Atomics.store(this.words, at + i, micros(ms)));
  }

  /** How long its start took, in milliseconds. */
  start(slot: number): { createMs: number; bootMs: number; importMs: number } {
    const at = this.at(slot) + CREATE;
    const [createMs, bootMs, importMs] = [0, 1, 2].map((i) => Atomics.load(this.words, at + i) / 1_000);
    return { createMs, bootMs, importMs };
  }

  /** Lets a starting container be claimed. `inFlight` is not 0 only where a container is taken over as it runs. */
  publish(slot: number, rank: number, limit: number, nowMs: number, options: { fresh: boolean; inFlight: number }) {
    const at = this.at(slot);
    const claim = Atomics.load(this.words, at + CLAIM);
    assert(phaseOf(claim) === ContainerPhase.starting, `container slot ${slot} is not starting`);
    assertInteger(limit, 1, CONCURRENCY_MAX, "limit");
    assertInteger(options.inFlight, 0, CONCURRENCY_MAX, "inFlight");
    Atomics.store(this.words, at + RANK, rank);
    Atomics.store(this.words, at + IDLE_SINCE, nowMs | 0);
    Atomics.store(this.words, at + FRESH, options.fresh ? 1 : 0);
    const generation = this.words[at + GENERATION];
    Atomics.store(this.words, at + CLAIM, packClaim(options.inFlight, limit, ContainerPhase.warm, generation));
  }

  /**
   * Takes one permit of the container if it is warm, has room and still belongs to the function; answers the claim
   * word it left, or {@linkcode NO_CLAIM}. Any thread.
   *
   *     loop: claim := word; not warm or at its limit, or another function's: none
   *           CAS word: claim → claim + 1, else loop
   */
  claim(slot: number, functionSlot: number): number {
    const at = this.at(slot);
    for (;;) {
      const claim = Atomics.load(this.words, at + CLAIM);
      if (!hasRoom(claim)) return NO_CLAIM;
      // Written before the claim word became warm, and kept until it is free: consistent if the CAS succeeds. The load
      // of the claim word must be atomic for that, this one need not be.
      if (this.words[at + FUNCTION] !== functionSlot) return NO_CLAIM;
      if (Atomics.compareExchange(this.words, at + CLAIM, claim, claim + 1) === claim) return claim + 1;
    }
  }

  /** Gives one permit back and answers the claim word it left. The caller holds a permit. Any thread. */
  unclaim(slot: number, nowMs: number): number {
    const at = this.at(slot);
    // Before the word that makes it idle and publishes it, so that nobody sees an idle container with an old stamp.
    this.words[at + IDLE_SINCE] = nowMs | 0;
    const before = Atomics.sub(this.words, at + CLAIM, 1);
    // Not by `assert`, which would put the text together each time.
    if (inFlightOf(before) === 0) {
      throw new AssertionError(`container slot ${slot} was released more often than acquired`);
    }
    return before - 1;
  }

  /**
   * Changes how many invocations a warm container takes; answers whether it has room now, which the caller offers then.
   * What runs beyond a lower limit goes on. Controller only.
   *
   *     loop: claim := word; not warm: no room
   *           CAS word: claim → claim with the limit, else loop
   */
  setLimit(slot: number, limit: number): boolean {
    assertInteger(limit, 1, CONCURRENCY_MAX, "limit");
    const at = this.at(slot);
    for (;;) {
      const claim = Atomics.load(this.words, at + CLAIM);
      if (phaseOf(claim) !== ContainerPhase.warm) return false;
      const next = withLimit(claim, limit);
      if (Atomics.compareExchange(this.words, at + CLAIM, claim, next) === claim) return hasRoom(next);
    }
  }

  /** Warm with nothing in flight → removing; false where it is anything else. Controller only. */
  retire(slot: number): boolean {
    const at = this.at(slot);
    const claim = Atomics.load(this.words, at + CLAIM);
    if (phaseOf(claim) !== ContainerPhase.warm || inFlightOf(claim) !== 0) return false;
    return Atomics.compareExchange(this.words, at + CLAIM, claim, withPhase(claim, ContainerPhase.removing)) === claim;
  }

  /**
   * Stops grants: starting or warm → draining, or → removing where nothing is in flight. Answers the phase it has now.
   * Controller only; in-flight may change under it, hence the loop.
   */
  drain(slot: number): ContainerPhase {
    const at = this.at(slot);
    for (;;) {
      const claim = Atomics.load(this.words, at + CLAIM);
      const phase = phaseOf(claim);
      if (phase === ContainerPhase.removing || phase === ContainerPhase.free) return phase;
      const next = inFlightOf(claim) === 0 ? ContainerPhase.removing : ContainerPhase.draining;
      if (Atomics.compareExchange(this.words, at + CLAIM, claim, withPhase(claim, next)) === claim) return next;
    }
  }

  /** Frees the slot of a container that is gone. Controller only. */
  end(slot: number): void {
    const at = this.at(slot);
    const phase = phaseOf(Atomics.load(this.words, at + CLAIM));
    assert(phase !== ContainerPhase.free, `container slot ${slot} is free already`);
    assert(phase !== ContainerPhase.warm, `container slot ${slot} is still warm`);
    Atomics.store(this.words, at + CLAIM, packClaim(0, 0, ContainerPhase.free, this.words[at + GENERATION]));
  }

  /** True once after a cold start: for the first grant. Any thread. */
  takeFresh(slot: number): boolean {
    const at = this.at(slot) + FRESH;
    // A plain look first: nearly every call ends here, and an atomic write would cost it a cache line.
    return this.words[at] !== 0 && Atomics.exchange(this.words, at, 0) === 1;
  }

  claimWord(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + CLAIM);
  }
  phase(slot: number): ContainerPhase {
    return phaseOf(this.claimWord(slot));
  }
  inFlight(slot: number): number {
    return inFlightOf(this.claimWord(slot));
  }
  limit(slot: number): number {
    return limitOf(this.claimWord(slot));
  }
  generation(slot: number): number {
    return this.words[this.at(slot) + GENERATION];
  }
  functionSlot(slot: number): number {
    return this.words[this.at(slot) + FUNCTION];
  }
  nodeSlot(slot: number): number {
    return this.words[this.at(slot) + NODE];
  }
  /** Another charge to its node's account. Controller only. */
  setKib(slot: number, kib: number): void {
    this.words[this.at(slot) + MEMORY] = kib;
  }
  kib(slot: number): number {
    return this.words[this.at(slot) + MEMORY];
  }
  rank(slot: number): number {
    return this.words[this.at(slot) + RANK];
  }
  /** Milliseconds since it ran its last invocation; meaningful while nothing is in flight. */
  idleMs(slot: number, nowMs: number): number {
    return ((nowMs | 0) - Atomics.load(this.words, this.at(slot) + IDLE_SINCE)) | 0;
  }

  /** The claim word must carry the slot's generation and no more in flight than its limit allows. */
  checkInvariants(): void {
    for (let slot = 0; slot < this.size; slot++) {
      const claim = this.claimWord(slot);
      if (phaseOf(claim) === ContainerPhase.free) continue;
      assert(generationOf(claim) === (this.generation(slot) & GENERATION_MASK), `container slot ${slot}: generation`);
      const running = phaseOf(claim) === ContainerPhase.warm || phaseOf(claim) === ContainerPhase.draining;
      assert(running || inFlightOf(claim) === 0, `container slot ${slot}: in flight in phase ${phaseOf(claim)}`);
    }
  }

  private at(slot: number): number {
    return this.base + slot * CONTAINER_WORDS;
  }
}

const micros = (ms: number): number => Math.min(Math.round(ms * 1_000), 0x7fffffff);
