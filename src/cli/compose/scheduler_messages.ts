import type { LogLevel } from "../../base/mod.ts";
import type { Capacity } from "../../core/mod.ts";
import type { Http2Choice, TlsIdentity } from "../../rpc/mod.ts";
import type { ToController, ToWorker } from "../../scheduler/mod.ts";

/** The first message to an ingress thread: all that it stands on. */
export interface ThreadStart {
  readonly kind: "start";
  readonly capacity: Capacity;
  readonly buffer: SharedArrayBuffer;
  /** Its number in the tables, from 1. */
  readonly worker: number;
  readonly hostname: string;
  readonly port: number;
  readonly http2?: Http2Choice;
  readonly tls?: TlsIdentity;
  readonly token?: string;
  readonly level: LogLevel;
  readonly acquireTimeoutMs: number;
}

export type ToThread =
  | ThreadStart
  | ToWorker
  /** What the controller's clock said when it was asked. */
  | { readonly kind: "time"; readonly nowMs: number }
  | { readonly kind: "close"; readonly graceMs: number };

export type FromThread =
  | ToController
  | { readonly kind: "time" }
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "closed" };
