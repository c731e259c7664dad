import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues, type HandlerContext } from "@connectrpc/connect";
import type { Clock } from "../../base/mod.ts";
import type { Fields } from "../http2/types.ts";
import { Timed } from "./deadlines.ts";
import { type RequestHead, toHeaders } from "./request_head.ts";

/** What a signal says once its call is over without having been cancelled: made once, since an error costs its stack. */
const OVER = new DOMException("This operation was aborted", "AbortError");

/**
 * What a handler is told of its call. All of it is made when it is asked for: most handlers want a signal and a timeout
 * at most. Its properties stand on the prototype, so they are found by name, and not by a spread.
 */
export abstract class CallContext extends Timed implements HandlerContext {
  readonly #head: RequestHead;
  readonly #fields: Fields;
  readonly #clock: Clock;
  readonly method: DescMethod;
  #controller: AbortController | undefined = undefined;
  #abortReason: unknown = undefined;
  #aborted = false;
  #requestHeader: Headers | undefined = undefined;
  #responseHeader: Headers | undefined = undefined;
  #responseTrailer: Headers | undefined = undefined;
  #values: ContextValues | undefined = undefined;

  /** `deadlineMs` is the moment on `clock` at which the call's time is over; infinite where it has none. */
  constructor(method: DescMethod, head: RequestHead, fields: Fields, clock: Clock, readonly deadlineMs: number) {
    super();
    this.method = method;
    this.#head = head;
    this.#fields = fields;
    this.#clock = clock;
  }

  get service(): DescService {
    return this.method.parent;
  }
  get protocolName(): string {
    return "grpc";
  }
  get requestMethod(): string {
    return this.#head.method;
  }
  get url(): string {
    const { scheme, authority, path } = this.#head;
    return `${scheme}://${authority}${path}`;
  }
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }
  get timeoutMs(): () => number | undefined {
    return this.deadlineMs === Infinity ? noTimeout : () => Math.floor(this.deadlineMs - this.#clock.nowMs());
  }
  get requestHeader(): Headers {
    return this.#requestHeader ??= toHeaders(this.#fields);
  }
  get responseHeader(): Headers {
    return this.#responseHeader ??= new Headers();
  }
  get responseTrailer(): Headers {
    return this.#responseTrailer ??= new Headers();
  }
  get values(): ContextValues {
    return this.#values ??= createContextValues();
  }

  /** Fields that the handler has set, if it has. */
  protected get ownHeaders(): Headers | undefined {
    return this.#responseHeader;
  }
  protected get ownTrailers(): Headers | undefined {
    return this.#responseTrailer;
  }
  /** The handler's signal, if it was looked at or is aborted. */
  protected get knownSignal(): AbortSignal | undefined {
    return this.#aborted ? this.signal : this.#controller?.signal;
  }
  protected get aborted(): boolean {
    return this.#aborted;
  }

  /** Aborts the handler's signal; the first reason stands. */
  protected abort(reason: unknown = OVER): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }
}

function noTimeout(): undefined {
  return undefined;
}
