import { messageOf, PlatformError } from "../../base/mod.ts";
import { createLocalProvider, createResourceManagerClient } from "../../resourcemanager/mod.ts";
import type { Edge } from "../../rpc/mod.ts";
import { createSchedulerClient } from "../../scheduler/mod.ts";
import type { Io } from "../io.ts";
import type { ServiceName, Settings } from "../platform_flags.ts";
import { composeApiserver } from "./apiserver.ts";
import { lockData } from "./data_lock.ts";
import { composeNode } from "./node.ts";
import { nodeCommand } from "./node_command.ts";
import { composeResourceManager, staticAgents } from "./resourcemanager.ts";
import { composeScheduler, openScheduler } from "./scheduler.ts";
import { Closers, openDoor, type Running, type Shared, systemShared } from "./shared.ts";

const DEFAULT_PORTS: Readonly<
  Record<ServiceName, "apiserverPort" | "schedulerPort" | "resourcemanagerPort" | "nodePort">
> = {
  apiserver: "apiserverPort",
  scheduler: "schedulerPort",
  resourcemanager: "resourcemanagerPort",
  node: "nodePort",
};

/** A service without a port of its own yet: its door, and what it does beside answering. */
export interface Service {
  readonly edge: Edge;
  /** Opens the port in another way than the usual; resolves with the address. */
  readonly open?: (port: number) => Promise<string>;
  /** What follows once the door is open: recovery, say. */
  readonly begin?: () => Promise<void>;
}

/** One service alone, its peers reached over their ports. Resolves when it listens. */
export async function startService(name: ServiceName, settings: Settings, io: Io): Promise<Running> {
  const closers = new Closers();
  try {
    const { edge, open, begin } = await buildService(name, settings, io, closers);
    const port = settings.port ?? settings[DEFAULT_PORTS[name]];
    const address = open ? await open(port) : await openDoor(edge, settings, port, closers);
    // Not awaited: /readyz tells meanwhile that it is not ready, and why.
    begin?.().catch(tellFailure(name, io));
    return { addresses: { [name]: address }, close: (graceMs) => closers.close(graceMs) };
  } catch (error) {
    await closers.close().catch(() => {});
    throw error;
  }
}

/** Tells why a service could not begin; that it was told to end meanwhile is no failure. */
export function tellFailure(name: ServiceName, io: Io): (error: unknown) => void {
  return (error) => {
    if (error instanceof PlatformError && error.code === "cancelled") return;
    io.err(`error: ${name}: ${messageOf(error)}\n`);
  };
}

/** Builds one service; what has to be closed goes to `closers`. */
export async function buildService(
  name: ServiceName,
  settings: Settings,
  io: Io,
  closers: Closers,
): Promise<Service> {
  const { logLevel: level, token, peerTls } = settings;
  const shared = systemShared({ level, write: (line) => io.err(line), token, peerTls });
  switch (name) {
    case "apiserver": {
      closers.add(await lockData(settings.data));
      const { transport, close } = shared.connect(settings.scheduler);
      closers.add(close);
      const apiserver = composeApiserver(shared, settings, createSchedulerClient(transport));
      closers.add(() => apiserver.close());
      return { edge: apiserver.edge };
    }
    case "scheduler": {
      const { transport, close } = shared.connect(settings.resourcemanager);
      closers.add(close);
      const resourceManager = createResourceManagerClient(transport);
      const { scheduler, edge } = composeScheduler(shared, settings, resourceManager);
      closers.add(() => scheduler.close());
      const open = (port: number) => openScheduler({ scheduler, edge }, shared, { ...settings, port }, closers);
      return { edge, open, begin: () => scheduler.start() };
    }
    case "resourcemanager": {
      const provider = nodeProvider(settings, shared, io, closers);
      const { edge, close } = composeResourceManager(shared, withinReach(settings), provider);
      closers.add(close);
      return { edge };
    }
    case "node": {
      closers.add(await lockData(settings.data));
      const node = await composeNode(shared, settings);
      closers.add(() => node.close());
      return { edge: node.edge };
    }
  }
}

/** Of agents that run elsewhere there are as many as were named: to look for more would only fill the log. */
function withinReach(settings: Settings): Settings {
  const there = settings.nodes.length || Infinity;
  return {
    ...settings,
    nodesMax: Math.min(settings.nodesMax, there),
    nodesWarm: Math.min(settings.nodesWarm, there),
  };
}

function nodeProvider(settings: Settings, shared: Shared, io: Io, closers: Closers) {
  if (settings.nodes.length > 0) {
    const { provider, close } = staticAgents(shared, settings.nodes);
    closers.add(close);
    return provider;
  }
  return createLocalProvider({
    command: (index) => nodeCommand(settings, settings.apiserver, index),
    clock: shared.clock,
    log: shared.log("resourcemanager"),
    write: (line) => io.err(line),
  });
}
