/** What is measured of each server. */

export type ServerName = "own" | "adapter" | "grpc-go";

export interface LoadFigures {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Processor time of the server, all of its threads. */
  readonly cpuUsPerCall: number;
}

export interface ServerFigures {
  readonly name: ServerName;
  /** AcquireContainer and ReturnContainer in turn, by the TypeScript client, in the best round. */
  readonly pairs: LoadFigures;
  /** AcquireContainer of one live id by h2load, in the best round. */
  readonly h2load?: LoadFigures;
  /** Acquires written at once on one connection: to the last reply. */
  readonly burst: { readonly bestMs: number; readonly medianMs: number };
  readonly idleBytesPer1000: number;
}
