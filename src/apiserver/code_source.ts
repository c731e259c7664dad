import { type FunctionSpec, PlatformError } from "../base/mod.ts";
import type { ApiClient } from "./client.ts";

/** Where a node agent gets the code of a function from. */
export interface CodeSource {
  /**
   * The code of `spec`, and its hash: the one that the spec names, or the active version's where it names none.
   * Errors: `not_found`; `data_loss` where what came is not what the hash says; `unavailable`.
   */
  get(spec: FunctionSpec, signal?: AbortSignal): Promise<{ code: Uint8Array; hash: string }>;
}

/** Fetches code from the apiserver, each time anew: caching is the node agent's. */
export function createCodeSource(client: Pick<ApiClient, "describe" | "getCode">): CodeSource {
  return {
    async get(spec, signal) {
      const { accountId, functionName } = spec;
      const named = spec.codeHash !== "";
      const hash = named ? spec.codeHash : (await client.describe({ accountId, functionName }, 0, { signal })).codeHash;
      const code = await client.getCode(hash, { signal });
      if (await sha256(code) !== hash) {
        throw new PlatformError(
          "data_loss",
          `Code of function "${functionName}" came damaged: its hash is not ${hash}`,
        );
      }
      return { code, hash };
    },
  };
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
