import { assert } from "../base/mod.ts";
import type { ExpectedWait } from "../policy/mod.ts";
import { chargeMinKiB, chargeOn } from "./charge.ts";
import type { Context } from "./context.ts";
import type { ContainerRecord, FunctionRecord } from "./state.ts";
import { takeTurns } from "./turns.ts";

/** Functions looked at on one tick whose containers could not be charged all of it. */
const RETRIES_PER_TICK = 16;

/**
 * Gives a function's containers the concurrency limit and the charge that the policy wants, those that run as well, and
 * those who come the wait that it expects.
 */
export class Shaper {
  /** Functions with containers that are charged less because their node had no more to give. */
  private readonly undercharged = new Set<FunctionRecord>();

  constructor(private readonly context: Context) {}

  /** Asks the policy anew, and lets it hold. */
  shape(fn: FunctionRecord): void {
    const { policy, options } = this.context;
    const { facts } = fn;
    const limit = policy.concurrency?.(facts) ?? facts.concurrencyMax;
    assert(limit >= 1 && limit <= facts.concurrencyMax, `policy ${policy.name} wants a concurrency of ${limit}`);
    const wait = policy.expectedWait?.(facts);
    if (wait && (wait.waitMs !== fn.waitMs || wait.eachMs !== fn.waitEachMs)) this.expectWait(fn, wait);
    const leastKiB = chargeMinKiB(facts.memoryKiB, options.overcommitMax);
    const wantedKiB = policy.chargeKiB?.(facts) ?? facts.memoryKiB;
    const chargeKiB = Math.min(facts.memoryKiB, Math.max(leastKiB, Math.ceil(wantedKiB)));
    if (limit === fn.limit && chargeKiB === fn.chargeKiB && !fn.isUndercharged) return;
    fn.limit = limit;
    fn.chargeKiB = chargeKiB;
    this.setUndercharged(fn, false);
    for (const record of fn.containers) {
      if (record.spec !== fn.spec || record.node.gone) continue;
      this.charge(record);
      this.limit(record);
    }
    this.context.dispatcher.match(fn.slot);
  }

  /** A container that was taken over, charged as little as it may have been: to be looked at again. */
  adopted({ function: fn }: ContainerRecord): void {
    this.setUndercharged(fn, true);
  }

  /** Tries again where a node had no more to give; of many for some, others each time. */
  retry(): void {
    for (const fn of takeTurns(this.undercharged, RETRIES_PER_TICK)) {
      if (this.context.state.functionBySlot[fn.slot] === fn) this.shape(fn);
      else this.setUndercharged(fn, false);
    }
  }

  private expectWait(fn: FunctionRecord, { waitMs, eachMs }: ExpectedWait): void {
    fn.waitMs = waitMs;
    fn.waitEachMs = eachMs;
    this.context.state.tables.functions.expectWait(fn.slot, waitMs, eachMs);
  }

  private charge(record: ContainerRecord): void {
    const { containers, nodes } = this.context.state.tables;
    const { node, function: fn } = record;
    const moreKiB = chargeOn(fn, node) - record.kib;
    if (moreKiB === 0) return;
    if (moreKiB < 0) nodes.release(node.slot, -moreKiB);
    else if (!nodes.reserve(node.slot, moreKiB)) {
      this.setUndercharged(fn, true);
      return;
    }
    record.kib += moreKiB;
    containers.setKib(record.slot, record.kib);
  }

  private setUndercharged(fn: FunctionRecord, isUndercharged: boolean): void {
    if (fn.isUndercharged === isUndercharged) return;
    fn.isUndercharged = isUndercharged;
    if (isUndercharged) this.undercharged.add(fn);
    else this.undercharged.delete(fn);
  }

  private limit({ slot, function: fn }: ContainerRecord): void {
    const { containers, functions } = this.context.state.tables;
    if (containers.setLimit(slot, fn.limit)) functions.offer(fn.slot, containers.rank(slot));
  }
}
