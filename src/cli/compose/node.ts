import * as path from "node:path";
import { createApiClient, createCodeSource } from "../../apiserver/mod.ts";
import { createProcessRuntime, createSimulatedRuntime, NodeAgent, nodeRoutes } from "../../nodeservice/mod.ts";
import { createEdge, type Edge } from "../../rpc/mod.ts";
import type { Settings } from "../platform_flags.ts";
import { Closers, type Shared } from "./shared.ts";

/** A node agent and its door. It cleans up what an agent of the same folder left that was killed. */
export async function composeNode(
  shared: Shared,
  settings: Pick<Settings, "data" | "runtime" | "nodeMemory" | "overcommit" | "apiserver">,
): Promise<{ agent: NodeAgent; edge: Edge; close: () => Promise<void> }> {
  const { clock, token } = shared;
  const log = shared.log("node");
  const closers = new Closers();
  const folder = runFolder(settings.data);
  // Last of all. The runtime leaves the folder as it was given one; whatever else is in it stays.
  closers.add(() => Deno.remove(folder).catch(() => {}));
  const runtime = settings.runtime === "simulated" ? createSimulatedRuntime({ clock }) : await createProcessRuntime({
    clock,
    log,
    folder,
    memoryBytes: settings.nodeMemory,
    platformHasToken: token !== undefined,
  });
  for (const { what, enforced, how } of runtime.enforcement) {
    log[enforced ? "info" : "warn"]("enforcement", { what, enforced, how });
  }
  const apiserver = shared.connect(settings.apiserver);
  closers.add(() => apiserver.close());
  const agent = new NodeAgent({
    runtime,
    memoryBytes: settings.nodeMemory,
    overcommit: settings.overcommit,
    code: createCodeSource(createApiClient(apiserver.transport)),
    cacheFolder: path.join(settings.data, "code"),
    clock,
    log,
  });
  closers.add(() => agent.close());
  const edge = createEdge({ service: "node", routes: nodeRoutes(agent), token, ready: () => undefined, log, clock });
  return { agent, edge, close: () => closers.close() };
}

/**
 * Where an agent's containers have their sockets: a short path, whatever the data folder's is, since the path of a
 * unix socket has some hundred bytes at most. The same data folder gives the same one, so that what a killed agent
 * left is found.
 */
function runFolder(data: string): string {
  let hash = 0;
  for (const unit of path.resolve(data)) hash = Math.imul(hash, 31) + unit.codePointAt(0)! | 0;
  return path.join(Deno.env.get("TMPDIR") ?? "/tmp", `mini-faas-${(hash >>> 0).toString(36)}`);
}
