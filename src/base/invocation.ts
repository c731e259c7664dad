import type { FailureKind } from "./errors.ts";

/** HTTP header fields in order; a name may occur more than once. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** One run of a function in a container. */
export type Invocation = {
  readonly requestId: string;
  readonly containerId: string;
  /** What the node allows it before it stops it. */
  readonly timeoutMs: number;
} & (EventInput | FetchInput);

/** An event: bytes in, bytes out. */
export interface EventInput {
  readonly kind: "event";
  readonly event: Uint8Array;
}

/** An HTTP request, its body streamed. */
export interface FetchInput {
  readonly kind: "fetch";
  readonly method: string;
  /** Absolute URL as the function is to see it. */
  readonly url: string;
  readonly headers: HeaderList;
  readonly body?: AsyncIterable<Uint8Array>;
}

/** What a container answers: head, then body, then footer. */
export interface InvocationReply {
  /** Missing where the invocation failed before it answered; then the body is empty and the footer tells why. */
  readonly head?: { readonly status: number; readonly headers: HeaderList };
  /** Must be read to its end, or its iterator returned, for the footer to come. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Never rejects: a failure is told in it. */
  readonly footer: Promise<InvocationFooter>;
}

export interface InvocationFooter {
  readonly durationNanos: number;
  /** Peak memory of the container during the invocation; 0 where it could not be measured. */
  readonly maxMemoryBytes: number;
  /** Missing after a good run. */
  readonly failure?: { readonly kind: FailureKind; readonly message: string };
}

/** One line that a container printed. */
export interface LogLine {
  readonly containerId: string;
  readonly timestampMs: number;
  readonly stream: "stdout" | "stderr";
  readonly line: string;
}

/** How long the parts of a container's start took, in milliseconds. */
export interface StartTimes {
  /** From the request to a process that answers. */
  readonly bootMs: number;
  /** Loading the function's code in it. */
  readonly importMs: number;
}

/** What every call to another service takes. */
export interface CallOptions {
  /** Aborted when the caller no longer wants the answer. */
  readonly signal?: AbortSignal;
  /** After so many milliseconds the call fails with `deadline_exceeded`. */
  readonly timeoutMs?: number;
}

/**
 * The request id under which try `n` (from 1) of an invocation acquires its container: another one each time, where a
 * node turned out to be gone before the function saw anything of it.
 */
export function attemptId(requestId: string, n: number): string {
  return n === 1 ? requestId : `${requestId}-${n}`;
}
