import type { FailureKind, FunctionSpec } from "../../base/mod.ts";
import { Outcome } from "../../core/mod.ts";
import type { ColdStart } from "../ports.ts";
import { Account } from "./account.ts";
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
  private readonly gone = new Account();
  private readonly reserve = new Times();
  private nodeMs = 0;
  private unassignedMs = 0;

  /** An acquire was answered, or given up, after `waitedMs`. */
  decided(fn: Scored, outcome: Outcome, waitedMs: number): void {
    const account = this.of(fn);
    account.wait.record(waitedMs);
    if (outcome === Outcome.refused) account.refused++;
    else if (outcome === Outcome.cancelled) account.cancelled++;
    else {
      account.calls++;
      if (outcome === Outcome.waited) account.waited++;
      if (outcome === Outcome.coldStart) account.coldStarts++;
    }
  }

  /** A run has ended. */
  ended(fn: Scored, durationMs: number, failure: FailureKind | undefined): void {
    const account = this.of(fn);
    account.run.record(durationMs);
    if (failure) account.fail(failure);
  }

  /** A container came up. */
  started(fn: Scored, { createMs, bootMs, importMs }: Omit<ColdStart, "reserveNodeMs">): void {
    const account = this.of(fn);
    account.create.record(createMs);
    account.boot.record(bootMs);
    account.import.record(importMs);
  }

  /** A node was reserved. */
  reserved(reserveMs: number): void {
    this.reserve.record(reserveMs);
  }

  /** A container was there for `ms`, charged `kib`, that share of its node. */
  held(fn: Scored, state: ContainerState, ms: number, kib: number, nodeShare: number): void {
    const account = this.of(fn);
    account.containerMs[state] += ms;
    account.containerKibMs[state] += kib * ms;
    account.nodeMs += nodeShare * ms;
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
    fn.account = undefined;
    this.bySlot[fn.slot] = undefined;
  }

  /** All of it, by the name of the function. */
  view(rest: Pick<ScoreView, "policy" | "seconds" | "missed" | "shadows">): ScoreView {
    const all = new Account();
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
    return fn.account = new Account();
  }
}

const compare = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;
