/** What the apiserver needs of the node agents, in the words of the house. */
import type { CallOptions, Invocation, InvocationReply, LogLine } from "../base/mod.ts";

/** Where a node agent is reached. */
export interface NodeAddress {
  readonly nodeId: string;
  readonly address: string;
  readonly port: number;
}

/** Runs invocations on one node. */
export interface NodeInvoker {
  /**
   * Resolves when the head is there, or when the invocation has failed before it (then the head is missing and the
   * footer tells why). Rejects where there is no answer at all. With `not_found` (no such container), with
   * `unavailable` and failure `unavailable` (it takes no further invocation), and with `unavailable` whose causes say
   * that no connection could be made (`ECONNREFUSED` …), the function saw nothing of it and the invocation may run
   * elsewhere; any other rejection leaves that open. After the head whatever goes wrong
   * stands in the footer, which comes even so, also after `signal` was aborted.
   */
  invoke(invocation: Invocation, options: CallOptions): Promise<InvocationReply>;
}

/** Finds the invoker of a node; connections are its own affair. */
export interface NodeInvokers {
  get(node: NodeAddress): NodeInvoker;
}

/** What a function's containers printed. */
export interface LogRequest {
  readonly accountId: string;
  readonly functionName: string;
  /** Stay, and hand on what is printed from now on. */
  readonly follow: boolean;
  /** At most so many of the last lines of each node; 0: all that is kept. */
  readonly tailLines: number;
}

/** Reads logs from one node, oldest line first. */
export interface NodeLogs {
  streamLogs(request: LogRequest, options: CallOptions): AsyncIterable<LogLine>;
}

/** Finds the logs of a node. */
export interface NodeLogSources {
  get(node: NodeAddress): NodeLogs;
}

/** A log line, and the node it comes from. */
export interface NodeLogLine extends LogLine {
  readonly nodeId: string;
}
