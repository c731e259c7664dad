import { type CallOptions, checkText, NAME_LENGTH_MAX, REQUEST_ID_LENGTH_MAX } from "../base/mod.ts";
import type { NodeLease } from "./lease.ts";
import type { NodePool } from "./pool.ts";

/** The resource manager as its callers see it: the pool itself in one process, a client of its port elsewhere. */
export interface ResourceManager {
  /** Errors: `invalid_argument`; `resource_exhausted` where the pool has no node ready; `unavailable`. */
  reserveNode(request: { requestId: string; accountId: string }, options?: CallOptions): Promise<NodeLease>;
  /** An unknown or free node is no error. Errors: `invalid_argument`, `unavailable`. */
  releaseNode(request: { requestId: string; nodeId: string }, options?: CallOptions): Promise<void>;
  /** The nodes held now, then those released before. Errors: `invalid_argument`, `unavailable`. */
  getNodesUsage(request: { requestId: string }, options?: CallOptions): Promise<NodeLease[]>;
}

/** Checks what comes in and calls the pool. */
export function localResourceManager(pool: NodePool): ResourceManager {
  // deno-lint-ignore require-await -- async, so that a refusal is a rejection as it is with a client
  const reserveNode: ResourceManager["reserveNode"] = async ({ requestId, accountId }) => {
    checkText(requestId, "request_id", REQUEST_ID_LENGTH_MAX);
    checkText(accountId, "account_id", NAME_LENGTH_MAX);
    return pool.reserve(requestId, accountId);
  };
  // deno-lint-ignore require-await -- as above
  const releaseNode: ResourceManager["releaseNode"] = async ({ requestId, nodeId }) => {
    checkText(requestId, "request_id", REQUEST_ID_LENGTH_MAX);
    checkText(nodeId, "id", NAME_LENGTH_MAX);
    pool.release(nodeId);
  };
  // deno-lint-ignore require-await -- as above
  const getNodesUsage: ResourceManager["getNodesUsage"] = async ({ requestId }) => {
    checkText(requestId, "request_id", REQUEST_ID_LENGTH_MAX);
    return pool.usage();
  };
  return { reserveNode, releaseNode, getNodesUsage };
}
