import { type FailureKind, type FunctionSpec, rowOf, Rows } from "../../base/mod.ts";
import type { Outcome } from "../../core/mod.ts";
import type { ColdStart } from "../ports.ts";
import { Account, ACCOUNT_CELLS } from "./account.ts";
import { Times } from "./times.ts";
import type { ContainerState, ScoreView } from "./view.ts";

/** A function as its score is kept: what stands in the slot may be another one later. */
export interface Scored {
  readonly slot: number;
  readonly spec: Pick<FunctionSpec, "accountId" | "functionName">;
  /** The score's own: what is counted for it. */
  account?: Account;
}

/**
 * What every function gets and costs, and all together: pure sums of what it is told. As many functions as the table
 * has slots; those that are forgotten go on in one account together, so that no sum ever goes back.
 */
export class LiveScore {
  private readonly bySlot: (Scored | undefined)[] = [];
  private readonly rows = new Rows(ACCOUNT_CELLS);
  private readonly gone = new Account(rowOf(ACCOUNT_CELLS));
  private readonly reserve = new Times();
  private nodeMs = 0;
  private unassignedMs = 0;

  /** As {@linkcode Account.decided}, `ended` and `started`. */
  decided(fn: Scored, outcome: Outcome, waitedMs: number): void {
    this.of(fn).decided(outcome, waitedMs);
  }
  ended(fn: Scored, durationMs: number, failure: FailureKind | undefined): void {
    this.of(fn).ended(durationMs, failure);
  }
  started(fn: Scored, start: Omit<ColdStart, "reserveNodeMs">): void {
    this.of(fn).started(start);
  }

  /** A node was reserved. */
  reserved(reserveMs: number): void {
    this.reserve.record(reserveMs);
  }

  /** As {@linkcode Account.held}. */
  held(fn: Scored, state: ContainerState, ms: number, kib: number, nodeShare: number): void {
    this.of(fn).held(state, ms, kib, nodeShare);
  }

  /** A node was held for `ms`. */
  nodeHeld(ms: number): void {
    this.nodeMs += ms;
  }

  /** Mean time of the function's runs, in milliseconds; 0 before the first has ended. */
  meanRunMs(fn: Scored): number {
    const { count, sumMs } = this.of(fn).run;
    return count === 0 ? 0 : sumMs / count;
  }

  /** What the function got goes on in the account of those that are not known any more. */
  forgotten(fn: Scored): void {
    if (!fn.account) return;
    this.gone.add(fn.account);
    this.rows.give(fn.account.row);
    fn.account = undefined;
    this.bySlot[fn.slot] = undefined;
  }

  /** All of it, by the name of the function. */
  view(rest: Pick<ScoreView, "policy" | "seconds" | "missed" | "shadows">): ScoreView {
    const all = new Account(rowOf(ACCOUNT_CELLS));
    all.add(this.gone);
    const functions = [];
    for (const fn of this.bySlot) {
      if (!fn?.account) continue;
      const { spec: { accountId, functionName }, account } = fn;
      all.add(account);
      functions.push({ accountId, functionName, ...account.view() });
    }
    functions.sort((a, b) => compare(a.accountId, b.accountId) || compare(a.functionName, b.functionName));
    // Containers are charged up to a tick later than nodes are: it must not go back meanwhile.
    this.unassignedMs = Math.max(this.unassignedMs, this.nodeMs - all.nodeMs);
    return {
      ...rest,
      all: all.view(),
      forgotten: this.gone.view(),
      functions,
      nodeSeconds: this.nodeMs / 1_000,
      unassignedNodeSeconds: this.unassignedMs / 1_000,
      reserve: this.reserve.view(),
    };
  }

  private of(fn: Scored): Account {
    return fn.account ?? this.open(fn);
  }

  private open(fn: Scored): Account {
    const before = this.bySlot[fn.slot];
    if (before) this.forgotten(before);
    this.bySlot[fn.slot] = fn;
    return fn.account = new Account(this.rows.take());
  }
}

const compare = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;
