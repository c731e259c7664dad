/** The controller's part of a stress run: containers, nodes and functions come and go, leases expire. */
import { ContainerPhase, NodePhase } from "../../core/mod.ts";
import { type Random, seededRandom } from "../../base/mod.ts";
import { mixSeed } from "./operations.ts";
import type { Stage } from "./scene.ts";

interface ContainerRecord {
  readonly slot: number;
  readonly functionSlot: number;
  readonly node: number;
  readonly kib: number;
  rank: number;
}

const MOVES = [
  "start",
  "start",
  "publish",
  "publish",
  "publish",
  "retire",
  "drain",
  "clean",
  "clean",
  "relimit",
  "expire",
  "expire",
  "define",
  "forget",
  "join",
  "open",
  "shut",
  "shutIfEmpty",
  "recycle",
  "resize",
  "lose",
] as const;
type Move = (typeof MOVES)[number];
/** Moves that take so much away that they come only once in a while: one of so many of them is made. */
const RARE: Partial<Record<Move, number>> = { relimit: 3, forget: 4, shut: 8, shutIfEmpty: 3, lose: 20, resize: 3 };
const LIMIT_MAX = 4;
const NODE_KIB_MAX = 4_000;

export class Keeper {
  private readonly random: Random;
  private readonly containers = new Map<number, ContainerRecord>();
  private readonly counted = new Map<string, number>();

  constructor(private readonly stage: Stage, seed: number) {
    this.random = seededRandom(mixSeed(seed, 0, 0));
  }

  /** One random move. */
  move(): void {
    const move = this.any(MOVES)!;
    const pick = this.random.uint32();
    if (pick % (RARE[move] ?? 1) !== 0) return;
    if (this[move]()) this.counted.set(move, (this.counted.get(move) ?? 0) + 1);
  }

  /** How often each move did something. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.counted].sort());
  }

  /** Ends everything, once no worker runs any more; the tables must be empty then. */
  settle(): void {
    const { tables, control, shadow } = this.stage;
    const { leases, containers, nodes, functions } = tables;
    control.nowMs += 1_000_000;
    this.expireBetween(0, leases.size);
    for (const record of [...this.containers.values()]) this.drainOne(record);
    this.clean();
    for (let node = 0; node < nodes.size; node++) {
      if (nodes.phase(node) === NodePhase.free) continue;
      if (nodes.mayPlace(node)) nodes.shut(node, NodePhase.draining);
      nodes.recycle(node);
      shadow.setNode(node, 0);
    }
    for (let slot = 0; slot < functions.size; slot++) {
      const forgotten = !functions.inUse(slot) || functions.forget(slot);
      shadow.expect(forgotten, () => `function slot ${slot} still has ${functions.waiting(slot)} waiting acquires`);
    }
    tables.checkInvariants();
    for (let slot = 0; slot < containers.size; slot++) {
      shadow.expect(shadow.inFlight(slot) === 0, () => `container slot ${slot} still has invocations in flight`);
    }
    for (let lease = 0; lease < leases.size; lease++) {
      shadow.expect(leases.state(lease) === 0, () => `lease ${lease} is left in state ${leases.state(lease)}`);
    }
  }

  /** Memory that containers have on a node, for the check of the canary. */
  takenKiB(node: number): number {
    let taken = 0;
    for (const record of this.containers.values()) if (record.node === node) taken += record.kib;
    return taken;
  }

  private start(): boolean {
    const { tables, shadow } = this.stage;
    const functionSlot = this.any(this.functionsWhere(true));
    const slot = this.freeContainer();
    if (functionSlot === undefined || slot < 0) return false;
    const kib = 50 + this.random.below(450);
    const node = tables.placement.find(kib);
    if (node < 0 || !tables.nodes.reserve(node, kib)) return false;
    shadow.takeMemory(node, kib);
    tables.containers.begin(slot, functionSlot, node, kib);
    this.containers.set(slot, { slot, functionSlot, node, kib, rank: -1 });
    return true;
  }

  private publish(): boolean {
    const { tables, shadow } = this.stage;
    const { containers, functions } = tables;
    const record = this.any(this.inPhase(ContainerPhase.starting));
    if (!record) return false;
    const { slot, functionSlot } = record;
    record.rank = functions.addRank(functionSlot, slot);
    if (record.rank < 0) return false;
    const limit = 1 + this.random.below(LIMIT_MAX);
    shadow.openContainer(slot, containers.generation(slot), limit, functions.generation(functionSlot));
    containers.publish(slot, record.rank, limit, this.stage.control.nowMs, { fresh: true, inFlight: 0 });
    functions.offer(functionSlot, record.rank);
    this.stage.match(functionSlot);
    return true;
  }

  /** Gives a container another limit than the one that it was started with. */
  private relimit(): boolean {
    const { tables: { containers, functions }, shadow } = this.stage;
    const record = this.any(this.inPhase(ContainerPhase.warm));
    if (!record) return false;
    const { slot, functionSlot, rank } = record;
    const limit = 1 + this.random.below(LIMIT_MAX);
    shadow.allow(slot, limit);
    if (containers.setLimit(slot, limit)) functions.offer(functionSlot, rank);
    this.stage.match(functionSlot);
    return true;
  }

  private retire(): boolean {
    const record = this.any(this.inPhase(ContainerPhase.warm));
    if (!record || !this.stage.tables.containers.retire(record.slot)) return false;
    this.stage.shadow.closeContainer(record.slot);
    return true;
  }

  private drain(): boolean {
    const record = this.any([...this.containers.values()]);
    if (record) this.drainOne(record);
    return record !== undefined;
  }

  private drainOne(record: ContainerRecord): void {
    if (this.stage.tables.containers.drain(record.slot) === ContainerPhase.removing) {
      this.stage.shadow.closeContainer(record.slot);
    }
  }

  private clean(): boolean {
    const { tables, shadow } = this.stage;
    const { containers, functions, nodes } = tables;
    for (const record of this.inPhase(ContainerPhase.draining)) this.drainOne(record);
    const gone = this.inPhase(ContainerPhase.removing);
    for (const { slot, functionSlot, rank, node, kib } of gone) {
      if (rank >= 0) functions.removeRank(functionSlot, rank);
      containers.end(slot);
      this.containers.delete(slot);
      shadow.giveMemory(node, kib);
      nodes.release(node, kib);
    }
    return gone.length > 0;
  }

  private expire(): boolean {
    const { size } = this.stage.tables.leases;
    const from = this.random.below(size);
    return this.expireBetween(from, from + (size >> 2));
  }

  private expireBetween(from: number, to: number): boolean {
    let any = false;
    this.stage.tables.leases.eachExpired(from, to, this.stage.control.nowMs, (lease, life) => {
      if (this.stage.endLease(lease, life)) any = true;
    });
    return any;
  }

  private define(): boolean {
    const { functions, queue } = this.stage.tables;
    const slot = this.any(this.functionsWhere(false));
    if (slot === undefined) return false;
    functions.define(slot);
    queue.reset(slot);
    return true;
  }

  private forget(): boolean {
    const used = new Set([...this.containers.values()].map((record) => record.functionSlot));
    const slot = this.any(this.functionsWhere(true).filter((slot) => !used.has(slot)));
    return slot !== undefined && this.stage.tables.functions.forget(slot);
  }

  private join(): boolean {
    const { nodes } = this.stage.tables;
    const node = nodes.findFree();
    if (node < 0) return false;
    const kib = 500 + this.random.below(NODE_KIB_MAX - 500);
    this.stage.shadow.setNode(node, kib);
    nodes.join(node, kib, this.stage.control.nowMs);
    return true;
  }

  private open(): boolean {
    const node = this.anyNode((phase) => phase === NodePhase.joining || phase === NodePhase.draining);
    if (node !== undefined) this.stage.tables.nodes.open(node);
    return node !== undefined;
  }

  private shut(): boolean {
    const node = this.anyNode((phase) => phase === NodePhase.ready);
    if (node !== undefined) this.stage.tables.nodes.shut(node, NodePhase.draining);
    return node !== undefined;
  }

  private shutIfEmpty(): boolean {
    const node = this.anyNode((phase) => phase === NodePhase.ready);
    return node !== undefined && this.stage.tables.nodes.shutIfEmpty(node);
  }

  private recycle(): boolean {
    const { nodes } = this.stage.tables;
    const node = this.anyNode((phase, node) =>
      (phase === NodePhase.draining || phase === NodePhase.lost) && nodes.freeKiB(node) === nodes.capacityKiB(node)
    );
    if (node === undefined) return false;
    nodes.recycle(node);
    this.stage.shadow.setNode(node, 0);
    return true;
  }

  private resize(): boolean {
    const { nodes } = this.stage.tables;
    const node = this.anyNode((phase) => phase === NodePhase.ready);
    if (node === undefined) return false;
    const kib = 500 + this.random.below(NODE_KIB_MAX - 500);
    if (kib > nodes.capacityKiB(node)) this.stage.shadow.setNode(node, kib);
    this.stage.shadow.setNode(node, nodes.resize(node, kib));
    return true;
  }

  /** A node is gone with all that ran on it: leases end, containers as soon as nothing is in flight any more. */
  private lose(): boolean {
    const { nodes, containers, leases } = this.stage.tables;
    const node = this.anyNode((phase) => phase === NodePhase.ready || phase === NodePhase.draining);
    if (node === undefined) return false;
    nodes.shut(node, NodePhase.lost);
    for (const record of [...this.containers.values()].filter((record) => record.node === node)) {
      this.drainOne(record);
      leases.eachOf(record.slot, containers.generation(record.slot), (lease, life) => {
        this.stage.endLease(lease, life);
      });
    }
    return true;
  }

  private functionsWhere(inUse: boolean): number[] {
    const { functions } = this.stage.tables;
    return Array.from({ length: functions.size }, (_, slot) => slot).filter((slot) => functions.inUse(slot) === inUse);
  }

  private freeContainer(): number {
    const { containers } = this.stage.tables;
    for (let slot = 0; slot < containers.size; slot++) if (!this.containers.has(slot)) return slot;
    return -1;
  }

  private inPhase(phase: ContainerPhase): ContainerRecord[] {
    return [...this.containers.values()].filter(({ slot }) => this.stage.tables.containers.phase(slot) === phase);
  }

  private anyNode(where: (phase: NodePhase, node: number) => boolean): number | undefined {
    const { nodes } = this.stage.tables;
    const list = Array.from({ length: nodes.size }, (_, node) => node).filter((node) => where(nodes.phase(node), node));
    return this.any(list);
  }

  private any<T>(list: readonly T[]): T | undefined {
    const pick = this.random.uint32();
    return list.length === 0 ? undefined : list[pick % list.length];
  }
}
