import { createClient } from "@connectrpc/connect";
import { APIServer } from "../../gen/apiserverproto/apiserver_pb.ts";
import { ClusterService } from "../../gen/minifaas/admin/v1/cluster_pb.ts";
import { FunctionService } from "../../gen/minifaas/admin/v1/function_pb.ts";
import { PlatformError } from "../base/mod.ts";
import { createClientTransport } from "../rpc/mod.ts";
import { flag, type Flags, optional, setting, type Values } from "./flags.ts";
import type { Io } from "./io.ts";
import { endpoint, text } from "./kinds.ts";
import { readTokenFile } from "./token_file.ts";

/** How long a command waits for what is no invocation. */
export const CALL_TIMEOUT_MS = 30_000;

/** Every command that talks to a platform takes these. */
export const connectionFlags = {
  server: setting(flag(endpoint, "127.0.0.1:10500", "where the platform's API server listens")),
  tokenFile: setting(optional(text("FILE", "a file"), "file with the platform's token, where it wants one")),
  account: setting(flag(text("NAME", "an account's name"), "default", "account that functions belong to")),
} satisfies Flags;

/** Clients of everything the API server answers. */
export interface Platform {
  readonly api: ReturnType<typeof createClient<typeof APIServer>>;
  readonly functions: ReturnType<typeof createClient<typeof FunctionService>>;
  readonly cluster: ReturnType<typeof createClient<typeof ClusterService>>;
  /** `http://host:port` */
  readonly url: string;
}

/** Connects for as long as `use` runs. */
export async function withPlatform<T>(
  values: Pick<Values<typeof connectionFlags>, "server" | "tokenFile">,
  io: Io,
  use: (platform: Platform) => Promise<T>,
): Promise<T> {
  const { server, tokenFile } = values;
  const token = tokenFile === undefined ? undefined : readTokenFile(tokenFile, io.cwd);
  const { transport, close } = createClientTransport({ address: server, token });
  try {
    return await use({
      api: createClient(APIServer, transport),
      functions: createClient(FunctionService, transport),
      cluster: createClient(ClusterService, transport),
      url: `http://${server}`,
    });
  } catch (error) {
    throw explain(error, server);
  } finally {
    close();
  }
}

/** Says what to do about the two mistakes that everybody makes once. */
function explain(error: unknown, server: string): unknown {
  if (!(error instanceof PlatformError)) return error;
  if (error.code === "unavailable" && /ECONNREFUSED|refused/i.test(error.message)) {
    const message = `no mini-faas at ${server}: start one with \`deno task start\``;
    return new PlatformError("unavailable", message, { cause: error });
  }
  if (error.code === "unauthenticated") {
    return new PlatformError(error.code, `${error.message}; name its file with --token-file`, { cause: error });
  }
  return error;
}
