/** An acquire that was answered with a container. */
export interface OpenCall {
  readonly slot: number;
  readonly decidedMs: number;
  readonly waitedMs: number;
}

/** More calls than can be under way; the oldest container's are given up then. */
const OPEN_MAX = 1 << 17;

/**
 * Finds the acquire that belongs to a run that has ended. The ring of runs names the container only, to keep the way of
 * a release short: of those that were let into it, the one whose grant is closest to the run's beginning is meant. Two
 * that began at the same moment in one container may be taken for one another.
 */
export class CallMatcher {
  /** By the number of their container. */
  private readonly open = new Map<number, OpenCall[]>();
  private count = 0;

  /** Answers how many calls were given up for it. */
  begin(container: number, call: OpenCall): number {
    const calls = this.open.get(container);
    if (calls) calls.push(call);
    else this.open.set(container, [call]);
    if (++this.count <= OPEN_MAX) return 0;
    const [oldest] = this.open.keys();
    return this.forget(oldest);
  }

  /** The call whose run in this container began at `beganMs`; undefined where none is known. */
  end(container: number, slot: number, beganMs: number): OpenCall | undefined {
    const calls = this.open.get(container);
    if (!calls) return undefined;
    let best = -1, bestMs = Infinity;
    for (let i = 0; i < calls.length; i++) {
      const offMs = Math.abs(calls[i].decidedMs - beganMs);
      if (calls[i].slot !== slot || offMs >= bestMs) continue;
      best = i;
      bestMs = offMs;
    }
    if (best < 0) return undefined;
    this.count--;
    if (calls.length === 1) this.open.delete(container);
    return calls.splice(best, 1)[0];
  }

  /** The container is gone; answers how many calls of it were never seen to end. */
  forget(container: number): number {
    const lost = this.open.get(container)?.length ?? 0;
    this.open.delete(container);
    this.count -= lost;
    return lost;
  }
}
