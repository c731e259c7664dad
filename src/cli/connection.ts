import { createClient } from "@connectrpc/connect";
import { APIServer } from "../../gen/apiserverproto/apiserver_pb.ts";
import { ClusterService } from "../../gen/minifaas/admin/v1/cluster_pb.ts";
import { FunctionService } from "../../gen/minifaas/admin/v1/function_pb.ts";
import { PlatformError } from "../base/mod.ts";
import { createClientTransport } from "../rpc/mod.ts";
import { flag, type Flags, optional, setting, type Values } from "./flags.ts";
import type { Io } from "./io.ts";
import { server, text } from "./kinds.ts";
import { readTlsTrust } from "./tls_files.ts";
import { readTokenFile } from "./token_file.ts";

/** How long a command waits for what is no invocation. */
export const CALL_TIMEOUT_MS = 30_000;

/** Every command that talks to a platform takes these. */
export const connectionFlags = {
  server: setting(
    flag(server, "127.0.0.1:10500", "where the platform's API server listens; https://HOST:PORT for TLS"),
  ),
  tokenFile: setting(optional(text("FILE", "a file"), "file with the platform's token, where it wants one")),
  tlsCa: setting(optional(
    text("FILE", "a file"),
    "certificates, PEM, that vouch for the platform, which is called by TLS then",
  )),
  account: setting(flag(text("NAME", "an account's name"), "default", "account that functions belong to")),
} satisfies Flags;

/** Clients of everything the API server answers. */
export interface Platform {
  readonly api: ReturnType<typeof createClient<typeof APIServer>>;
  readonly functions: ReturnType<typeof createClient<typeof FunctionService>>;
  readonly cluster: ReturnType<typeof createClient<typeof ClusterService>>;
  /** `http://host:port` or `https://host:port` */
  readonly url: string;
}

/** Connects for as long as `use` runs. */
export async function withPlatform<T>(
  values: Pick<Values<typeof connectionFlags>, "server" | "tokenFile" | "tlsCa">,
  io: Io,
  use: (platform: Platform) => Promise<T>,
): Promise<T> {
  const { tokenFile, tlsCa } = values;
  const isSecure = values.server.startsWith("https://");
  const server = isSecure ? values.server.slice("https://".length) : values.server;
  const token = tokenFile === undefined ? undefined : readTokenFile(tokenFile, io.cwd);
  // Without a file, the CAs that Deno knows; DENO_TLS_CA_STORE says which.
  const tls = readTlsTrust({ tlsCa }, io.cwd) ?? (isSecure ? {} : undefined);
  const { transport, close } = createClientTransport({ address: server, token, tls });
  try {
    return await use({
      api: createClient(APIServer, transport),
      functions: createClient(FunctionService, transport),
      cluster: createClient(ClusterService, transport),
      url: `${tls ? "https" : "http"}://${server}`,
    });
  } catch (error) {
    throw explain(error, server);
  } finally {
    close();
  }
}

/** What to do about a connection that fails, by what its error says. */
const REMEDIES: readonly [RegExp, string][] = [
  [/: it speaks TLS$/, "name the file that vouches for it with --tls-ca, or call https://… with --server"],
  [/: it speaks no TLS$/, "leave out --tls-ca and https://"],
  [/: no trusted CA vouches for its certificate \(/, "name the file that does with --tls-ca"],
];

/** Says what to do about the mistakes that everybody makes once. */
function explain(error: unknown, server: string): unknown {
  if (!(error instanceof PlatformError)) return error;
  if (error.code === "unavailable" && /ECONNREFUSED|refused/i.test(error.message)) {
    const message = `no mini-faas at ${server}: start one with \`deno task start\``;
    return new PlatformError("unavailable", message, { cause: error });
  }
  const remedy = REMEDIES.find(([found]) => error.code === "unavailable" && found.test(error.message));
  if (remedy) return new PlatformError("unavailable", `${error.message}; ${remedy[1]}`, { cause: error });
  if (error.code === "unauthenticated") {
    return new PlatformError(error.code, `${error.message}; name its file with --token-file`, { cause: error });
  }
  return error;
}
