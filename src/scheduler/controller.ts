import { KIB, messageOf } from "../base/mod.ts";
import { Auditor } from "./auditor.ts";
import type { Context } from "./context.ts";
import { NodeKeeper } from "./node_keeper.ts";
import { Remover } from "./remover.ts";
import { Shaper } from "./shaper.ts";
import { Starter, type Turn } from "./starts.ts";
import type { FunctionRecord } from "./state.ts";
import { StatsKeeper } from "./stats.ts";
import { Watcher } from "./watcher.ts";

/** The lease table is walked once in so many ticks, a large one in more. */
const EXPIRY_TICKS = 10;
const LEASES_PER_TICK_MAX = 4_096;
/**
 * While somebody waits for no more functions than this, a round looks at all of them. With more, those whose bell was
 * rung or that lacked room or a turn are looked at, and on ticks this share of all, each in one of the next: so that a
 * round costs the same however many wait. Between ticks little is tried for those that lack room: few of the others that
 * a round was asked for have made any.
 */
const FUNCTIONS_PER_ROUND = 32;
const SHARE_PER_TICK = 0.1;
const ROOM_TRIES_PER_TICK = 8;
const ROOM_TRIES_BETWEEN = 1;

/**
 * Carries out what the policy decides: on its own tick, and soon after a bell. Never inside an acquire.
 */
export class Controller {
  readonly nodes: NodeKeeper;
  readonly remover: Remover;
  readonly stats: StatsKeeper;
  readonly shaper: Shaper;
  private readonly starter: Starter;
  private readonly auditor: Auditor;
  private readonly watcher: Watcher;
  private readonly hungryFunctions = new Set<FunctionRecord>();
  /** Those of them whose bell was rung since they were looked at, or that want more than they got then. */
  private readonly pressing = new Set<FunctionRecord>();
  private drainedRang = false;
  private roundDue = false;
  private running = false;
  private expiryFrom = 0;
  private disarm = () => {};

  constructor(private readonly context: Context) {
    this.nodes = new NodeKeeper(context);
    this.remover = new Remover(context);
    this.shaper = new Shaper(context);
    this.watcher = new Watcher(context, this.shaper);
    this.starter = new Starter(context, this.nodes, this.remover, this.shaper);
    this.auditor = new Auditor(context, this.nodes);
    this.stats = new StatsKeeper(context, this.nodes, this.remover, this.watcher);
  }

  /** Acquires and ends of runs that the live score never saw. */
  get missed(): number {
    return this.watcher.missed;
  }

  /** Takes in all that has happened by now. */
  readAll(): void {
    this.watcher.read();
    this.context.meter.read(this.context.clock.nowMs());
  }

  start(): void {
    this.running = true;
    this.armTick();
    this.wake();
  }

  stop(): void {
    this.running = false;
    this.disarm();
  }

  /** Somebody waits for the function in this slot. */
  hungry(functionSlot: number): void {
    const fn = this.context.state.functionBySlot[functionSlot];
    if (!fn) return;
    this.hungryFunctions.add(fn);
    this.pressing.add(fn);
    this.wake();
  }

  drained(): void {
    this.drainedRang = true;
    this.wake();
  }

  /** Asks for a round once what runs now is done; many askers get one round. */
  wake(): void {
    if (this.roundDue || !this.running) return;
    this.roundDue = true;
    this.context.clock.soon(() => {
      this.roundDue = false;
      if (this.running) this.guarded("a round", () => this.round({ isTick: false }));
    });
  }

  private round({ isTick }: { isTick: boolean }): void {
    this.watcher.read();
    if (this.drainedRang) {
      this.drainedRang = false;
      this.remover.sweepDrained();
    }
    const isCrowded = this.hungryFunctions.size > FUNCTIONS_PER_ROUND;
    this.starter.beginRound(isCrowded && !isTick ? ROOM_TRIES_BETWEEN : ROOM_TRIES_PER_TICK);
    // Starts and room are rationed: who had a turn now stands behind the others next time.
    const hadTheirTurn: FunctionRecord[] = [];
    if (isCrowded) {
      const stillPressing: FunctionRecord[] = [];
      for (const fn of this.pressing) {
        if (this.starter.isExhausted) break;
        this.pressing.delete(fn);
        if (isPressing(this.look(fn))) stillPressing.push(fn);
      }
      for (const fn of stillPressing) this.pressing.add(fn);
    }
    let looksLeft = !isCrowded ? Infinity : isTick ? Math.ceil(this.hungryFunctions.size * SHARE_PER_TICK) : 0;
    for (const fn of this.hungryFunctions) {
      if (this.starter.isExhausted || looksLeft-- <= 0) break;
      this.pressing.delete(fn);
      const turn = this.look(fn);
      if (isPressing(turn)) this.pressing.add(fn);
      if (isCrowded || (turn !== "nothing" && turn !== "cut off")) hadTheirTurn.push(fn);
    }
    for (const fn of hadTheirTurn) {
      if (this.hungryFunctions.delete(fn)) this.hungryFunctions.add(fn);
    }
  }

  /** Serves a function, where somebody still waits for it. */
  private look(fn: FunctionRecord): Turn {
    const { tables, functionBySlot } = this.context.state;
    // A forgotten function's slot may be another one's by now.
    const isHere = functionBySlot[fn.slot] === fn;
    // Listens anew before it looks: whoever begins to wait after the look finds the bell unrung.
    if (isHere && tables.functions.waiting(fn.slot) === 0) tables.functions.listen(fn.slot);
    if (isHere && (tables.functions.waiting(fn.slot) > 0 || fn.unserved.length > 0)) return this.starter.serve(fn);
    this.hungryFunctions.delete(fn);
    return "nothing";
  }

  private guarded(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.context.log.error(`${what} failed`, { error: messageOf(error) });
    }
  }

  private armTick(): void {
    this.disarm = this.context.clock.after(this.context.options.tickMs, () => {
      this.guarded("a tick", () => this.tick());
      if (this.running) this.armTick();
    });
  }

  private tick(): void {
    const { clock, policy, state } = this.context;
    this.expireLeases();
    this.watcher.read();
    this.context.meter.readFew(clock.nowMs());
    this.context.feed?.flush(clock.nowMs(), state.nodes.size, state.tables.largestNodeKiB * KIB);
    this.shaper.retry();
    this.starter.beginRound(ROOM_TRIES_PER_TICK);
    for (const id of policy.functionsToServe?.(clock.nowMs()) ?? []) {
      const fn = state.functionById.get(id);
      if (!fn) continue;
      this.starter.serve(fn);
      // At once, while what is known of it is at hand: among very many functions a later look has to fetch it anew.
      this.remover.sweepOf(fn);
    }
    this.starter.evacuateSome();
    this.remover.sweep();
    this.nodes.sweep();
    this.auditor.tick();
    this.stats.poll();
    this.round({ isTick: true });
  }

  private expireLeases(): void {
    const { state, dispatcher, clock, log } = this.context;
    const { leases } = state.tables;
    const slice = Math.min(LEASES_PER_TICK_MAX, Math.ceil(leases.size / EXPIRY_TICKS));
    const from = this.expiryFrom;
    this.expiryFrom = from + slice < leases.size ? from + slice : 0;
    leases.eachExpired(from, from + slice, clock.nowMs(), (lease, life) => {
      const container = state.containerBySlot[leases.containerSlot(lease)];
      if (!dispatcher.endLease(lease, life)) return;
      state.counters.expiredLeases++;
      log.warn("a lease ended by its deadline", {
        function: container?.function.key,
        container: container?.containerId,
      });
    });
  }
}

/** Whether who had this turn wants more than it got. */
function isPressing(turn: Turn): boolean {
  return turn === "some" || turn === "cut off" || turn === "no room";
}
