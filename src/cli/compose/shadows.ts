import type { Clock, Log } from "../../base/mod.ts";
import { DEFAULT_CAPACITY } from "../../core/mod.ts";
import { DEFAULT_SCHEDULER_OPTIONS, type Observations, type Observer, type ShadowsView } from "../../scheduler/mod.ts";
import type { Settings } from "../platform_flags.ts";
import type { PolicyChoice } from "./policy.ts";
import type { FromShadows, ToShadows } from "./shadow_messages.ts";
import type { Shared } from "./shared.ts";

/** Batches on their way at once, four a second: more are not sent, so that a slow thread's mail does not pile up. */
const BATCHES_MAX = 40;
/** Room for what comes between two ticks at the speed of the simulator. */
const DECISIONS = 8_192;

export interface ShadowSettings extends PolicyChoice, Pick<Settings, "overcommit" | "shadow" | "shadowLag"> {
  readonly pool?: Pick<Settings, "nodesMax" | "nodesWarm" | "nodeRefill">;
  readonly nodeMemoryBytes?: number;
}

/** Candidate policies on a thread of their own. Whatever happens there, the platform goes on. */
export function openShadows(shared: Shared, settings: ShadowSettings, script?: URL): Observer {
  return new ShadowThread(settings, shared.clock, shared.log("shadows"), script);
}

class ShadowThread implements Observer {
  private readonly thread: Worker;
  private readonly log: Log;
  private onTheWay = 0;
  private doneMs: number;
  private failure = "";
  private told = new Set<string>();
  private last: ShadowsView;

  constructor(
    private readonly settings: ShadowSettings,
    private readonly clock: Clock,
    log: Log,
    script = new URL("./shadow_worker.ts", import.meta.url),
  ) {
    this.log = log;
    const nothing = { calls: 0, failed: 0, responseSeconds: 0, nodeSeconds: 0 };
    const { shadow, shadowLag: lagMs, overcommit, pool, nodeMemoryBytes } = settings;
    const { policy, weights, containerIdle, containerMin, nodeIdle } = settings;
    const live = { hour: nothing, total: nothing };
    this.last = { failure: "", lagSeconds: lagMs / 1_000, calls: 0, late: 0, dropped: 0, live, twins: [] };
    this.doneMs = clock.nowMs();
    this.thread = new Worker(script, { type: "module" });
    this.thread.onmessage = ({ data }: MessageEvent<FromShadows>) => this.receive(data);
    this.thread.onerror = (event) => {
      event.preventDefault();
      this.fail(event.message);
    };
    this.post({
      kind: "start",
      settings: { policy, weights, containerIdle, containerMin, nodeIdle },
      ...{ shadow, lagMs, overcommit, nodeMemoryBytes },
      cluster: pool
        ? { nodesMax: pool.nodesMax, nodesWarm: pool.nodesWarm, refillMs: pool.nodeRefill }
        // Another's pool: what it has shows when it has no more.
        : { nodesMax: DEFAULT_SCHEDULER_OPTIONS.nodesMax, nodesWarm: 1, refillMs: 0 },
      capacity: { ...DEFAULT_CAPACITY, decisions: DECISIONS },
    });
  }

  observed(batch: Observations): boolean {
    if (this.failure !== "" || this.onTheWay >= BATCHES_MAX) return false;
    this.onTheWay++;
    this.post({ kind: "batch", batch }, [batch.calls.buffer]);
    return true;
  }

  view(): ShadowsView {
    const behindMs = this.clock.nowMs() - this.doneMs;
    return { ...this.last, failure: this.failure, lagSeconds: (this.settings.shadowLag + behindMs) / 1_000 };
  }

  close(): void {
    this.thread.terminate();
  }

  private receive(message: FromShadows): void {
    if (message.kind === "failed") return this.fail(message.reason);
    this.onTheWay--;
    this.doneMs = this.clock.nowMs();
    if (!message.view) return;
    this.last = message.view;
    for (const { policy, role, failure } of message.view.twins) {
      if (failure === "" || this.told.has(`${role} ${policy}`)) continue;
      this.told.add(`${role} ${policy}`);
      this.log.warn("a policy in shadow failed", { policy, role, error: failure });
    }
  }

  private fail(reason: string): void {
    if (this.failure !== "") return;
    this.failure = reason;
    this.log.error("the thread of the shadow policies failed", { error: reason });
    this.thread.terminate();
  }

  private post(message: ToShadows, transfer: ArrayBuffer[] = []): void {
    this.thread.postMessage(message, transfer);
  }
}
