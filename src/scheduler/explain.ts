import { attemptId, type Clock } from "../base/mod.ts";
import { type Decision, hashText, Outcome } from "../core/mod.ts";
import type { History } from "./history.ts";
import type { DecisionView } from "./ports.ts";
import type { State } from "./state.ts";

/** What happened so long before an acquire came may have to do with it. */
const BEFORE_MS = 1_000;
const EVENTS_MAX = 50;
/** More tries of one invocation than anybody wants to read about. */
const TRIES_MAX = 20;

const OUTCOMES: Record<Outcome, DecisionView["outcome"]> = {
  [Outcome.warm]: "warm",
  [Outcome.waited]: "waited",
  [Outcome.coldStart]: "cold_start",
  [Outcome.cancelled]: "cancelled",
  [Outcome.refused]: "refused",
};

/** Puts the decisions that are remembered of an invocation, all its tries, into words. */
export function explain(state: State, history: History, clock: Clock, requestId: string): DecisionView[] {
  const views: DecisionView[] = [];
  for (let n = 1; n <= TRIES_MAX; n++) {
    const id = attemptId(requestId, n);
    const decisions = state.tables.decisions.find(hashText(id, { lo: 0, hi: 0 }));
    if (decisions.length === 0) break;
    for (const decision of decisions) views.push(viewOf(state, history, clock, id, decision));
  }
  return views;
}

function viewOf(state: State, history: History, clock: Clock, requestId: string, decision: Decision): DecisionView {
  const nowMs = clock.nowMs();
  const agoMs = ((nowMs | 0) - decision.atMs) | 0;
  const decidedMs = nowMs - agoMs;
  const waitedMs = decision.waitedMicros / 1_000;
  const fn = state.functionBySlot[decision.functionSlot];
  const container = state.containerBySlot[decision.containerSlot];
  const isThere = container?.generation === decision.containerGeneration;
  const wallMs = (ms: number) => Math.round(clock.wallMs() - (nowMs - ms));
  const fromMs = decidedMs - waitedMs - BEFORE_MS;
  const events = fn ? history.between(fn.key, fromMs, decidedMs + 1, EVENTS_MAX) : [];
  return {
    requestId,
    accountId: fn?.spec.accountId ?? "",
    functionName: fn?.spec.functionName ?? "",
    outcome: OUTCOMES[decision.outcome],
    containerId: isThere ? container.containerId : "",
    nodeId: isThere ? container.node.lease.nodeId : "",
    decidedAtMs: wallMs(decidedMs),
    waitedMs,
    waitingBefore: decision.waitingBefore,
    alternatives: alternativesOf(state, decision),
    events: events.map(({ atMs, text }) => ({ atMs: wallMs(atMs), text })),
  };
}

/** Containers by rank whose bit was set, but for the one that was taken. */
function alternativesOf(state: State, { functionSlot, containerSlot, ranksWithRoom }: Decision): string[] {
  const ids: string[] = [];
  for (let rank = 0; rank < 32; rank++) {
    if ((ranksWithRoom & (1 << rank)) === 0) continue;
    const slot = state.tables.functions.containerAt(functionSlot, rank);
    const other = slot === containerSlot ? undefined : state.containerBySlot[slot];
    if (other?.containerId) ids.push(other.containerId);
  }
  return ids;
}
