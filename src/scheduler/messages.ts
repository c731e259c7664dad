/** What an ingress thread and the controller's thread tell each other; all of it off the warm path. */
import type { ErrorCode, FailureKind, FunctionSpec } from "../base/mod.ts";
import { PlatformError } from "../base/mod.ts";
import type { ClusterPort, ReleaseRequest } from "./ports.ts";

/** The sending half of a channel between two threads. */
export interface Channel<Out> {
  post(message: Out): void;
}

/** What ClusterPort offers is answered by the controller, whoever was asked. */
export type ClusterCall = { readonly [K in keyof ClusterPort]: { method: K; args: unknown[] } }[keyof ClusterPort];

export type ToController =
  /** Which slot has the function of this configuration? */
  | { readonly kind: "define"; readonly id: number; readonly spec: FunctionSpec }
  /** Somebody waits for the function in this slot. */
  | { readonly kind: "hungry"; readonly slot: number }
  /** A draining container has nothing in flight any more. */
  | { readonly kind: "drained" }
  /** A return that takes its container out of service, which the controller alone may do. */
  | { readonly kind: "release"; readonly request: ReleaseRequest }
  | { readonly kind: "cluster"; readonly id: number; readonly call: ClusterCall };

export type ToWorker =
  | { readonly kind: "answer"; readonly id: number; readonly value?: unknown; readonly error?: PlainError }
  /** Those who wait for the function in this slot have no hope. */
  | { readonly kind: "fail"; readonly slot: number; readonly error: PlainError }
  /** Why the scheduler does not serve now; undefined when it does. */
  | { readonly kind: "stage"; readonly notReady?: string };

/** Where the controller has a function, and in which configuration. */
export interface Defined {
  readonly slot: number;
  readonly generation: number;
  readonly spec: FunctionSpec;
}

/** A PlatformError as it can be copied from thread to thread. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly failure?: FailureKind;
  readonly retryAfterMs?: number;
}

export function toPlain(error: unknown): PlainError {
  if (!(error instanceof PlatformError)) return { code: "internal", message: String(error) };
  const { code, message, failure, retryAfterMs } = error;
  return { code, message, failure, retryAfterMs };
}

export function fromPlain({ code, message, failure, retryAfterMs }: PlainError): PlatformError {
  return new PlatformError(code, message, { failure, retryAfterMs });
}
