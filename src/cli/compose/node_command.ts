import * as path from "node:path";
import { fileURLToPath } from "node:url";
import type { NodeCommand } from "../../resourcemanager/mod.ts";
import type { Settings } from "../platform_flags.ts";

/**
 * A node agent puts processes into control groups and reads what they use from /proc, which Deno allows with all
 * permissions only. It may start Deno, so fewer would not hold it anyway: what it runs is what is locked in.
 */
const NODE_PERMISSIONS = "--allow-all";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** Of this process's environment an agent gets what Deno and temporary files need, and nothing else. */
const ENV_PASSED = ["PATH", "HOME", "TMPDIR", "DENO_DIR", "XDG_CACHE_HOME", "DENO_TLS_CA_STORE", "NO_COLOR"];

const WILDCARDS = ["0.0.0.0", "::", "[::]"];

/** How to run the node agent with index `index` as a child of this process. */
export function nodeCommand(
  settings: Pick<
    Settings,
    | "host"
    | "data"
    | "nodePort"
    | "nodeMemory"
    | "overcommit"
    | "runtime"
    | "logLevel"
    | "http2"
    | "tokenFile"
    | "tlsCert"
    | "tlsKey"
    | "tlsCa"
  >,
  apiserver: string,
  index: number,
): NodeCommand {
  const flags = {
    // An agent is announced by the address it listens on, and all of a machine's at once are none to be dialled.
    ...(WILDCARDS.includes(settings.host) ? {} : { "--host": settings.host }),
    "--port": settings.nodePort === 0 ? 0 : settings.nodePort + index,
    "--data": path.join(settings.data, "nodes", String(index)),
    "--apiserver": apiserver,
    "--node-memory": settings.nodeMemory,
    "--overcommit": settings.overcommit,
    "--runtime": settings.runtime,
    "--log-level": settings.logLevel,
    "--http2": settings.http2,
    ...(settings.tokenFile ? { "--token-file": settings.tokenFile } : {}),
    ...(settings.tlsCert ? { "--tls-cert": settings.tlsCert, "--tls-key": settings.tlsKey } : {}),
    ...(settings.tlsCa ? { "--tls-ca": settings.tlsCa } : {}),
  };
  const env: Record<string, string> = {};
  for (const name of ENV_PASSED) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return {
    file: Deno.execPath(),
    args: [
      "run",
      "--no-prompt",
      "--cached-only",
      "--quiet",
      "--config",
      path.join(ROOT, "deno.json"),
      NODE_PERMISSIONS,
      path.join(ROOT, "src", "main.ts"),
      "serve",
      "node",
      ...Object.entries(flags).map(([name, value]) => `${name}=${value}`),
      "--json",
      "--end-with-stdin",
    ],
    env,
  };
}
