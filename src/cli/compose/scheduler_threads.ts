import * as net from "node:net";
import { type Log, type LogLevel, messageOf, PlatformError } from "../../base/mod.ts";
import type { Http2Choice, TlsIdentity } from "../../rpc/mod.ts";
import type { Scheduler } from "../../scheduler/mod.ts";
import type { FromThread, ToThread } from "./scheduler_messages.ts";
import { addressOf, type Closers, type Shared } from "./shared.ts";

/** How often every thread's heart is listened for; the crew's patience is counted in these. */
const LISTEN_MS = 1_000;
/** A thread that failed is replaced after this, twice as long each further time within a minute, up to the last. */
const REPLACE_MS = 100;
const REPLACE_MS_MAX = 10_000;
const GOOD_AFTER_MS = 60_000;
/** How long a thread's leftovers are looked for before the replacement; they are on their way already. */
const SWEEP_MS = 10;
/** What a thread may take to close beyond the time that its calls have. */
const CLOSE_MS = 3_000;

export interface ThreadSettings {
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  readonly logLevel: LogLevel;
  /** Whose HTTP/2 the threads speak; "own" by default. */
  readonly http2?: Http2Choice;
  /** What they show where they speak TLS. */
  readonly tls?: TlsIdentity;
  /** Called when a thread hangs: nothing it holds can be taken over, so the process must end. */
  readonly onHang: (workers: number[]) => void;
  /** What a thread runs; tests plant faults in it. */
  readonly script?: URL;
}

const SCRIPT = new URL("./scheduler_worker.ts", import.meta.url);

/** Opens the scheduler's port on `workers` ingress threads and resolves with its address when all listen. */
export async function openThreads(
  scheduler: Scheduler,
  shared: Shared,
  settings: ThreadSettings,
  closers: Closers,
): Promise<string> {
  const log = shared.log("scheduler");
  // Threads share the port; nobody else may have it.
  if (settings.port > 0) await assertFree(settings.host, settings.port);
  const crew = new ThreadCrew(scheduler, shared, settings, log);
  closers.add((graceMs) => crew.close(graceMs));
  const port = await crew.open(1, settings.port);
  await Promise.all(Array.from({ length: settings.workers - 1 }, (_, i) => crew.open(i + 2, port)));
  crew.listen();
  return addressOf({ hostname: settings.host, port });
}

class ThreadCrew {
  private readonly threads = new Map<number, Worker>();
  private readonly closed = new Map<number, () => void>();
  private closing = false;
  private stopListening = () => {};
  private port = 0;
  private failures = 0;
  private failedMs = -Infinity;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly shared: Shared,
    private readonly settings: ThreadSettings,
    private readonly log: Log,
  ) {}

  /** Starts a thread and resolves with the port it listens on. */
  open(worker: number, port: number): Promise<number> {
    const thread = new Worker(this.settings.script ?? SCRIPT, { type: "module" });
    const post = (message: ToThread) => thread.postMessage(message);
    this.threads.set(worker, thread);
    return new Promise((resolve, reject) => {
      thread.onmessage = ({ data }: MessageEvent<FromThread>) => {
        if (data.kind === "listening") {
          this.port = data.port;
          // Not before: it would not hear yet whether the scheduler serves.
          this.scheduler.crew.join(worker, { post });
          resolve(data.port);
        } else if (data.kind === "time") post({ kind: "time", nowMs: this.shared.clock.nowMs() });
        else if (data.kind === "refused") reject(new PlatformError("failed_precondition", data.message));
        else if (data.kind === "closed") this.closed.get(worker)?.();
        else this.scheduler.crew.receive(worker, data);
      };
      thread.onerror = (event) => {
        event.preventDefault();
        reject(new PlatformError("internal", `ingress thread ${worker} failed: ${event.message}`));
        this.onFailed(worker, event.message);
      };
      const { host: hostname, http2, tls, logLevel: level } = this.settings;
      const { capacity, buffer } = this.scheduler.shared;
      const { token } = this.shared;
      const { acquireTimeoutMs } = this.scheduler.options;
      const at = { hostname, port, http2, tls };
      post({ kind: "start", capacity, buffer, worker, ...at, token, level, acquireTimeoutMs });
    });
  }

  /** Listens for every thread's heart, again and again. */
  listen(): void {
    this.stopListening = this.shared.clock.after(LISTEN_MS, () => {
      const hanging = this.scheduler.crew.listen();
      if (hanging.length > 0) {
        this.log.error("ingress threads hang", { workers: hanging.join(", ") });
        this.settings.onHang(hanging);
      }
      this.listen();
    });
  }

  async close(graceMs: number): Promise<void> {
    this.closing = true;
    this.stopListening();
    await Promise.all([...this.threads].map(async ([worker, thread]) => {
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      this.closed.set(worker, resolve);
      const message: ToThread = { kind: "close", graceMs };
      thread.postMessage(message);
      // One that fails or hangs at this moment answers nothing any more.
      const cancel = this.shared.clock.after(graceMs + CLOSE_MS, resolve);
      await closed;
      cancel();
      thread.terminate();
    }));
  }

  /** A thread has ended by an error: what it held is given back, then another takes its place. */
  private onFailed(worker: number, reason: string): void {
    this.log.error("an ingress thread failed and is replaced", { worker, error: reason });
    this.threads.get(worker)?.terminate();
    this.threads.delete(worker);
    this.closed.get(worker)?.();
    if (this.closing) return;
    const { clock } = this.shared;
    const nowMs = clock.nowMs();
    this.failures = nowMs - this.failedMs > GOOD_AFTER_MS ? 0 : this.failures + 1;
    this.failedMs = nowMs;
    const sweep = () => {
      if (this.closing) return;
      if (!this.scheduler.crew.leave(worker)) return void clock.after(SWEEP_MS, sweep);
      clock.after(Math.min(REPLACE_MS_MAX, REPLACE_MS * 2 ** this.failures), () => {
        if (this.closing) return;
        this.open(worker, this.port).then(
          () => this.log.info("an ingress thread listens again", { worker }),
          (error) => this.log.error("an ingress thread could not be replaced", { worker, error: messageOf(error) }),
        );
      });
    };
    sweep();
  }
}

function assertFree(hostname: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once("error", (error) => {
      const message = `port ${port} on ${hostname} is taken: ${messageOf(error)}`;
      reject(new PlatformError("failed_precondition", message, { cause: error }));
    });
    probe.listen({ host: hostname, port }, () => probe.close(() => resolve()));
  });
}
