import type http from "node:http";
import {
  type Clock,
  EVENT_BYTES_MAX,
  type HeaderList,
  type Invocation,
  type InvocationFooter,
  type InvocationReply,
  KIB,
  messageOf,
} from "../../../base/mod.ts";
import type { Failure } from "../../runtime.ts";
import { giveUp } from "./channel.ts";
import { type Frame, FrameError, readFrames } from "./frames.ts";

/** URL and headers as JSON: Deno's server takes headers of twice this. */
const CALL_LENGTH_MAX = 64 * KIB;

/** A container as its calls see it. */
export interface CallOwner {
  readonly functionName: string;
  readonly clock: Clock;
  open(method: string, path: string, headers: Record<string, string>): http.ClientRequest;
  peakBytes(): number;
  /** The call is over, well or not. */
  onEnded(call: Call): void;
  /** The time is up: the owner fails the call and decides on the container. */
  onTimeout(call: Call): void;
  /** The caller left. */
  onLeft(call: Call): void;
  /** The connection broke: why. */
  explainLoss(): Promise<Failure>;
}

/** One invocation on its way through a container. */
export class Call {
  readonly #owner: CallOwner;
  readonly #invocation: Invocation;
  readonly #signal: AbortSignal;
  readonly #startedMs: number;
  readonly #head = Promise.withResolvers<InvocationReply["head"]>();
  readonly #footer = Promise.withResolvers<InvocationFooter>();
  #request?: http.ClientRequest;
  #frames?: AsyncGenerator<Frame, void>;
  #sent = false;
  #over = false;
  #bodyBytes = 0;
  #peakBytes = 0;
  #stopTimer = () => {};

  /** `key` names it within its container; `outputBytes` is what the container had printed before it. */
  constructor(
    readonly key: number,
    readonly outputBytes: number,
    owner: CallOwner,
    invocation: Invocation,
    signal: AbortSignal,
  ) {
    this.#owner = owner;
    this.#invocation = invocation;
    this.#signal = signal;
    this.#startedMs = owner.clock.nowMs();
  }

  get timeoutMs(): number {
    return this.#invocation.timeoutMs;
  }

  async run(): Promise<InvocationReply> {
    this.#stopTimer = this.#owner.clock.after(this.#invocation.timeoutMs, () => this.#owner.onTimeout(this));
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    if (this.#signal.aborted) this.leave();
    else this.#send();
    const head = await this.#head.promise;
    return { head, body: { [Symbol.asyncIterator]: () => this.#bodyIterator() }, footer: this.#footer.promise };
  }

  /** Its container held so much while it ran. */
  notePeak(bytes: number): void {
    this.#peakBytes = Math.max(this.#peakBytes, bytes);
  }

  /** Ends it as failed, unless it is over. */
  fail(failure: Failure): void {
    this.#finish(failure);
  }

  /** Ends it because nobody wants the answer any more. */
  leave(): void {
    if (this.#over) return;
    this.#finish({ kind: "cancelled", message: `Function "${this.#owner.functionName}": the caller left` });
    this.#owner.onLeft(this);
  }

  readonly #onAbort = () => this.leave();

  #send(): void {
    const { key } = this;
    const invocation = this.#invocation;
    const { requestId, timeoutMs, kind } = invocation;
    const deadlineMs = this.#owner.clock.wallMs() + timeoutMs;
    const isEvent = kind === "event";
    const call = {
      key,
      requestId,
      deadlineMs,
      kind,
      method: isEvent ? "POST" : invocation.method,
      url: isEvent ? `http://${this.#owner.functionName}.function/` : invocation.url,
      headers: isEvent ? [["content-type", "application/json"]] : invocation.headers,
      hasBody: isEvent || invocation.body !== undefined,
    };
    const callHeader = asciiJson(call);
    if (callHeader.length > CALL_LENGTH_MAX) {
      const what = `cannot be called: URL and headers of the request are over ${CALL_LENGTH_MAX} bytes`;
      return this.#failWith(what);
    }
    const headers: Record<string, string> = { "minifaas-call": callHeader };
    if (isEvent) headers["content-length"] = String(invocation.event.length);
    this.#request = this.#owner.open("POST", "/invoke", headers);
    this.#request.on("response", (response) => this.#onResponse(response));
    this.#request.on("error", () => this.#onLost());
    if (isEvent) this.#request.end(invocation.event);
    else if (!invocation.body) this.#request.end();
    else this.#sendBody(this.#request, invocation.body);
    this.#sent ||= isEvent || !invocation.body;
  }

  async #sendBody(request: http.ClientRequest, body: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of body) {
        if (this.#over) return;
        if (!request.write(chunk)) await drained(request);
        if (this.#over) return;
      }
    } catch {
      return this.leave();
    }
    this.#sent = true;
    request.end();
  }

  async #onResponse(response: http.IncomingMessage): Promise<void> {
    // Told where the frames are read; without a listener it would count as unhandled.
    response.on("error", () => {});
    this.#frames = readFrames(response);
    const frame = await this.#nextFrame();
    if (frame?.type === "head") {
      this.#head.resolve({ status: frame.status, headers: frame.headers });
    } else if (frame) {
      this.#onEnd(frame);
    }
  }

  /** The next frame; undefined once the call is over. */
  async #nextFrame(): Promise<Frame | undefined> {
    if (this.#over) return undefined;
    try {
      const { value } = await this.#frames!.next();
      if (value) return this.#over ? undefined : value;
      await this.#onLost();
    } catch (error) {
      if (error instanceof FrameError) this.#failWith(messageOf(error));
      else await this.#onLost();
    }
    return undefined;
  }

  async #onLost(): Promise<void> {
    if (!this.#over) this.#finish(await this.#owner.explainLoss());
  }

  #onEnd(frame: Frame): void {
    if (frame.type === "exception") this.#failWith(`threw ${frame.message}`);
    else if (frame.type === "end") this.#finish();
    else this.#failWith("answered out of order");
  }

  #failWith(what: string): void {
    this.#finish({ kind: "exception", message: `Function "${this.#owner.functionName}" ${what}` });
  }

  #bodyIterator(): AsyncIterator<Uint8Array, undefined> {
    return {
      next: async () => {
        const frame = await this.#nextFrame();
        if (frame?.type === "data" && this.#countBody(frame.bytes)) return { done: false, value: frame.bytes };
        if (frame && frame.type !== "data") this.#onEnd(frame);
        return { done: true, value: undefined };
      },
      return: () => {
        this.leave();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #countBody(bytes: Uint8Array): boolean {
    this.#bodyBytes += bytes.length;
    if (this.#invocation.kind !== "event" || this.#bodyBytes <= EVENT_BYTES_MAX) return true;
    this.#failWith(`answered an event with more than ${EVENT_BYTES_MAX} bytes`);
    return false;
  }

  #finish(failure?: Failure): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopTimer();
    this.#signal.removeEventListener("abort", this.#onAbort);
    const durationNanos = Math.round((this.#owner.clock.nowMs() - this.#startedMs) * 1e6);
    this.#head.resolve(undefined);
    this.notePeak(this.#owner.peakBytes());
    this.#footer.resolve({ durationNanos, maxMemoryBytes: this.#peakBytes, failure });
    // After a good run the connection is kept, unless the function never read all of its request.
    if (this.#request && (failure || !this.#sent)) giveUp(this.#request);
    this.#owner.onEnded(this);
  }
}

function drained(request: http.ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      request.off("drain", done);
      request.off("close", done);
      resolve();
    };
    request.on("drain", done);
    request.on("close", done);
    if (request.destroyed) done();
  });
}

/** JSON that may stand in an HTTP header. */
function asciiJson(value: { headers: HeaderList | string[][] }): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (character) => "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}
