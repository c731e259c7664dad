import type { Eviction, RoomCandidate } from "./policy.ts";

/** Room by removing what has idled longest, on the node that loses the least by it. */
export function leastRecentlyUsed(needKiB: number, candidates: readonly RoomCandidate[]): Eviction | undefined {
  let best: (Eviction & { idleMs: number }) | undefined;
  candidates.forEach(({ freeKiB, idle }, candidate) => {
    const oldestFirst = idle.map((_, index) => index).sort((a, b) => idle[b].idleMs - idle[a].idleMs);
    const containers: number[] = [];
    let roomKiB = freeKiB;
    for (const index of oldestFirst) {
      if (roomKiB >= needKiB) break;
      containers.push(index);
      roomKiB += idle[index].kib;
    }
    if (roomKiB < needKiB || containers.length === 0) return;
    // The node whose youngest victim has idled longest loses the least.
    const idleMs = idle[containers[containers.length - 1]].idleMs;
    if (!best || idleMs > best.idleMs) best = { candidate, containers, idleMs };
  });
  return best;
}
