import {
  type ApiServerParts,
  apiServerRoutes,
  BundleChecker,
  createTriggers,
  Invoker,
  Registry,
  streamLogs,
} from "../../apiserver/mod.ts";
import { createEdge, type Edge } from "../../rpc/mod.ts";
import type { SchedulerPort } from "../../scheduler/mod.ts";
import { NodeClients } from "./node_clients.ts";
import { Closers, type Shared } from "./shared.ts";

/** How long leases that a scheduler away for a moment has not taken back hold up the end. They have deadlines. */
const RELEASE_MS = 2_000;

/** The apiserver and its door. Errors: `failed_precondition` where the data folder or the registry cannot be used. */
export function composeApiserver(
  shared: Shared,
  settings: { data: string },
  scheduler: SchedulerPort,
): { parts: ApiServerParts; edge: Edge; close: () => Promise<void> } {
  const { clock, random, token } = shared;
  const log = shared.log("apiserver");
  const closers = new Closers();
  const registry = new Registry({ folder: settings.data, clock });
  closers.add(() => registry.close());
  const nodes = new NodeClients(shared.connect);
  closers.add(() => nodes.close());
  const invoker = new Invoker({ registry, scheduler, nodes, clock, random, log });
  closers.add(async () => {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(RELEASE_MS, resolve);
    await Promise.race([invoker.idle(), late]);
    cancel();
    invoker.close();
  });
  const parts: ApiServerParts = {
    registry,
    bundles: new BundleChecker({ clock }),
    invoker,
    scheduler,
    logs: (request, signal) => streamLogs({ scheduler, nodes, clock, log }, request, signal),
    clock,
    hasToken: token !== undefined,
  };
  const isPlatformCredential = (authorization: string) => token !== undefined && authorization === `Bearer ${token}`;
  const edge = createEdge({
    service: "apiserver",
    routes: apiServerRoutes(parts),
    http: (app) => app.route("/", createTriggers({ invoker, log, isPlatformCredential })),
    token,
    ready: () => undefined,
    log,
    clock,
  });
  return { parts, edge, close: () => closers.close() };
}
