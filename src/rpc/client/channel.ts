/**
 * All calls to one address: on one connection, in line while it is being made or has no stream free, on a new one when
 * it is lost. Calls that are on a connection that ends fail; those that the peer has surely not begun are sent again,
 * once.
 */
import { type Clock, PlatformError, type Random } from "../../base/mod.ts";
import { Deadlines } from "../grpc/deadlines.ts";
import { pauseAfter } from "./backoff.ts";
import type { Call, Exchange } from "./call.ts";
import { WAITING_CALLS_MAX } from "./limits.ts";
import type { Link, LinkEvents } from "./link.ts";

export interface ChannelOptions {
  readonly address: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Begins to make a connection. */
  readonly dial: (events: LinkEvents) => Link;
}

/** No attempt to connect is made before `untilMs`, since the last one failed with `error`. */
interface Pause {
  readonly untilMs: number;
  readonly error: PlatformError;
  cancel(): void;
}

export class Channel implements Exchange {
  readonly address: string;
  readonly clock: Clock;
  readonly #options: ChannelOptions;
  #deadlines: Deadlines | undefined;
  /** The connection that new calls go to, once `#ready`. */
  #link: Link | undefined;
  #ready = false;
  /** Connections that take no new calls and still have some. */
  readonly #retired = new Set<Link>();
  /** Calls that stand in line; those whose stream was refused go first. Sets keep the order and forget at once. */
  readonly #refused = new Set<Call>();
  readonly #waiting = new Set<Call>();
  /** Attempts that failed since the last that did not. */
  #failures = 0;
  #pause: Pause | undefined;
  #closed: PlatformError | undefined;

  constructor(options: ChannelOptions) {
    this.address = options.address;
    this.clock = options.clock;
    this.#options = options;
  }

  watch(call: Call): void {
    (this.#deadlines ??= new Deadlines(this.clock)).add(call, call.deadlineMs, call.begunMs);
  }

  unwatch(call: Call): void {
    this.#deadlines?.remove(call);
  }

  submit(call: Call): void {
    if (this.#closed) return call.fail(this.#closed);
    if (this.#ready && this.#inLine === 0 && this.#link!.accepts && call.start(this.#link!, call.begunMs)) return;
    if (this.#inLine >= WAITING_CALLS_MAX) {
      const text = `${this.#inLine} calls to ${this.address} wait for a stream, which is the most`;
      return call.fail(new PlatformError("resource_exhausted", text));
    }
    // It would only learn of its deadline, and not why.
    if (this.#pause && call.deadlineMs <= this.#pause.untilMs) return call.fail(this.#pause.error);
    this.#waiting.add(call);
    this.#connect();
  }

  resubmit(call: Call): void {
    if (this.#closed) return call.fail(this.#closed);
    this.#refused.add(call);
    // The connection that refused it may be in the midst of telling its end.
    queueMicrotask(() => this.#serve());
  }

  forget(call: Call): void {
    this.#waiting.delete(call);
    this.#refused.delete(call);
  }

  /** Ends every connection and call with `error`, and calls that come later. */
  close(error: PlatformError): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#failInLine(error);
    this.#link?.close(error);
    for (const link of [...this.#retired]) link.close(error);
    this.#deadlines?.stop();
  }

  get #inLine(): number {
    return this.#waiting.size + this.#refused.size;
  }

  #connect(): void {
    if (this.#link || this.#pause || this.#closed) return;
    const link = this.#link = this.#options.dial({
      onReady: () => {
        this.#ready = true;
        this.#serve();
      },
      onCapacity: () => this.#serve(),
      onRetired: () => {
        if (link !== this.#link) return;
        this.#retired.add(link);
        this.#drop(link.used, goodbye(this.address));
      },
      onEnd: (error) => {
        if (!this.#retired.delete(link)) this.#drop(link.used, error);
      },
    });
  }

  /** Starts what stands in line, as far as the peer allows. */
  #serve(): void {
    if (this.#closed) return;
    if (!this.#ready) return void (this.#inLine > 0 && this.#connect());
    if (this.#inLine === 0) return;
    const nowMs = this.clock.nowMs();
    for (const line of [this.#refused, this.#waiting]) {
      for (const call of line) {
        if (!this.#link?.accepts || !call.start(this.#link, nowMs)) return;
        line.delete(call);
      }
    }
  }

  /** The present connection takes no more calls. */
  #drop(wasUsed: boolean, error: PlatformError): void {
    this.#link = undefined;
    this.#ready = false;
    if (this.#closed) return;
    if (wasUsed) {
      this.#failures = 0;
      if (this.#inLine > 0) this.#connect();
      return;
    }
    // One that carried no call is as good as none: without a pause, peers that hang up at once would be called in a loop.
    const pauseMs = pauseAfter(++this.#failures, this.#options.random);
    const cancel = this.clock.after(pauseMs, () => {
      this.#pause = undefined;
      if (this.#inLine > 0) this.#connect();
    });
    this.#pause = { untilMs: this.clock.nowMs() + pauseMs, error, cancel };
    this.#failInLine(error);
  }

  #failInLine(error: PlatformError): void {
    for (const line of [this.#refused, this.#waiting]) {
      for (const call of line) call.fail(error);
    }
  }
}

function goodbye(address: string): PlatformError {
  return new PlatformError("unavailable", `${address} takes no calls: it said goodbye to a fresh connection`);
}
