import type { Log, PlatformError } from "../base/mod.ts";
import { assert, type FunctionSpec, messageOf } from "../base/mod.ts";
import type { Tables } from "../core/mod.ts";
import { type Channel, type Defined, type ToController, toPlain, type ToWorker } from "./messages.ts";
import type { ClusterPort, ReleaseRequest } from "./ports.ts";

/** What the crew asks of the scheduler on the controller's thread. */
export interface CrewParts {
  readonly tables: Tables;
  readonly log: Log;
  readonly cluster: ClusterPort;
  readonly notReady: () => string | undefined;
  readonly define: (spec: FunctionSpec) => Defined;
  readonly release: (request: ReleaseRequest) => void;
  readonly hungry: (slot: number) => void;
  readonly drained: () => void;
  /** See `Tables.sweep`. */
  readonly sweep: (worker: number) => boolean;
}

/** A worker's heart must be heard once in this many checks, a second each; then its process ends and starts anew. */
const BEATS_MISSED_MAX = 5;

interface Member {
  readonly channel: Channel<ToWorker>;
  beat: number;
  missed: number;
}

/** The ingress threads, as the controller sees them. */
export class Crew {
  private readonly members = new Map<number, Member>();

  constructor(private readonly parts: CrewParts) {}

  get size(): number {
    return this.members.size;
  }

  /** Takes a thread into the crew; `worker` is its number in the tables, from 1. */
  join(worker: number, channel: Channel<ToWorker>): void {
    assert(!this.members.has(worker), `worker ${worker} is there already`);
    this.members.set(worker, { channel, beat: this.parts.tables.mailboxes.heartbeat(worker), missed: 0 });
    channel.post({ kind: "stage", notReady: this.parts.notReady() });
  }

  /**
   * A thread has ended, and says so: what it held goes back. False where something is still on its way to it; until it
   * is true nobody may take its place.
   */
  leave(worker: number): boolean {
    this.members.delete(worker);
    return this.parts.sweep(worker);
  }

  /** Takes a message of a worker. */
  receive(worker: number, message: ToController): void {
    switch (message.kind) {
      case "hungry":
        return this.parts.hungry(message.slot);
      case "drained":
        return this.parts.drained();
      case "release":
        return this.parts.release(message.request);
      case "define":
        return this.answer(worker, message.id, () => Promise.resolve(this.parts.define(message.spec)));
      case "cluster": {
        const { method, args } = message.call;
        // deno-lint-ignore no-explicit-any -- the worker called the method with arguments of its own types
        return this.answer(worker, message.id, () => (this.parts.cluster as any)[method](...args));
      }
    }
  }

  /** Tells everybody whether the scheduler serves. */
  tellStage(): void {
    for (const { channel } of this.members.values()) channel.post({ kind: "stage", notReady: this.parts.notReady() });
  }

  failWaiting(error: PlatformError, slot: number): void {
    for (const { channel } of this.members.values()) channel.post({ kind: "fail", slot, error: toPlain(error) });
  }

  /** Listens for every heart once; answers the workers that hang. To be called once a second. */
  listen(): number[] {
    const hanging: number[] = [];
    for (const [worker, member] of this.members) {
      const beat = this.parts.tables.mailboxes.heartbeat(worker);
      member.missed = beat === member.beat ? member.missed + 1 : 0;
      member.beat = beat;
      if (member.missed >= BEATS_MISSED_MAX) hanging.push(worker);
    }
    return hanging;
  }

  private answer(worker: number, id: number, ask: () => Promise<unknown>): void {
    const reply = (message: ToWorker) => this.members.get(worker)?.channel.post(message);
    Promise.resolve().then(ask).then(
      (value) => reply({ kind: "answer", id, value }),
      (error) => {
        this.parts.log.debug("a worker's question was refused", { worker, error: messageOf(error) });
        reply({ kind: "answer", id, error: toPlain(error) });
      },
    );
  }
}
