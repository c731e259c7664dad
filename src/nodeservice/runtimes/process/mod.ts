/** The runtime whose containers are Deno processes on this machine. */
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { type Clock, type Log, PlatformError, systemClock } from "../../../base/mod.ts";
import type { Container, ContainerRuntime, CreateRequest } from "../../runtime.ts";
import { createCgroupParents, limitMemoryOf, memoryUsedBy, parentFolders, removeGroup } from "./cgroup.ts";
import { checkAllowNet } from "./command.ts";
import type { ProcessContainer } from "./container.ts";
import { enforcementOf } from "./enforcement.ts";
import { newGroupName, removeOrphans } from "./orphan_groups.ts";
import { claimRunFolder, cleanRunFolder } from "./run_folder.ts";
import { startContainer, type StartEnvironment } from "./start.ts";

export { type CleanReport, cleanRunFolder } from "./run_folder.ts";

/** A unix socket's path has at most 107 bytes on Linux and 103 elsewhere; the file name in it takes up to 12. */
const FOLDER_LENGTH_MAX = 85;

/** Where and how a process runtime runs containers. */
export interface ProcessRuntimeOptions {
  /** Where containers live while they run. Made where missing; default: a new temporary folder, removed at the end. */
  readonly folder?: string;
  readonly clock?: Clock;
  /** Tells what a killed predecessor left. */
  readonly log?: Log;
  /** Whether the platform's own ports ask for a token: only then may a function reach this machine or every host. */
  readonly platformHasToken?: boolean;
  /** `poll` leaves control groups alone: memory is polled, CPU is not limited. Default: groups where writable. */
  readonly limits?: "auto" | "poll";
  /** What all containers together may hold, in bytes; the kernel sees to it where control groups are writable. */
  readonly memoryBytes?: number;
  /** The Deno executable. */
  readonly denoPath?: string;
}

/**
 * Starts a process runtime in a folder of its own, after cleaning what a killed predecessor left there.
 * Errors: `failed_precondition` where a live node agent holds the folder.
 *
 * ```ts
 * import { createProcessRuntime } from "./mod.ts";
 *
 * const runtime = await createProcessRuntime();
 * for (const { what, enforced, how } of runtime.enforcement) console.log(what, enforced, how);
 * await runtime.close();
 * ```
 */
export async function createProcessRuntime(options: ProcessRuntimeOptions = {}): Promise<ContainerRuntime> {
  const { clock = systemClock, platformHasToken = false, denoPath = Deno.execPath(), limits = "auto" } = options;
  const folder = options.folder ?? await Deno.makeTempDir({ prefix: "mf-" });
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  await checkOurs(folder);
  const report = await cleanRunFolder(folder);
  if (report.containersRemoved > 0) options.log?.warn("removed what a killed node agent left", { ...report });
  const root = await Deno.realPath(folder);
  // Permission lists are split at commas.
  const fits = root.length <= FOLDER_LENGTH_MAX && !root.includes(",");
  const containersFolder = fits ? root : await Deno.makeTempDir({ prefix: "mf-" });
  const cgroups = limits === "auto" ? createCgroupParents(newGroupName()) : {};
  for (const group of parentFolders(cgroups)) {
    const orphans = await removeOrphans(group);
    if (orphans.length > 0) {
      options.log?.warn("removed control groups of killed node agents", { groups: orphans.length });
    }
  }
  if (options.memoryBytes !== undefined) limitMemoryOf(cgroups, options.memoryBytes);
  claimRunFolder(root, containersFolder, parentFolders(cgroups));
  const harnessPath = join(containersFolder, "harness.mjs");
  await Deno.writeTextFile(harnessPath, await plainHarness());
  const temporary = [
    ...(options.folder === undefined ? [root] : []),
    ...(fits ? [] : [containersFolder]),
  ];
  return new ProcessRuntime({
    ...{ denoPath, harnessPath, containersFolder, cgroups, platformHasToken, clock, temporary, root },
  });
}

interface Environment extends StartEnvironment {
  readonly root: string;
  /** Folders that go when the runtime is closed. */
  readonly temporary: readonly string[];
}

class ProcessRuntime implements ContainerRuntime {
  readonly name = "process";
  readonly enforcement: ContainerRuntime["enforcement"];
  readonly processors = navigator.hardwareConcurrency;
  readonly #environment: Environment;
  readonly #containers = new Set<ProcessContainer>();
  readonly #starting = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  #sequence = 0;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.enforcement = enforcementOf(environment.cgroups, environment.platformHasToken);
  }

  async create(request: CreateRequest, signal?: AbortSignal): Promise<Container> {
    checkAllowNet(request.function, this.#environment.platformHasToken);
    const stop = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
    if (stop.aborted) throw new PlatformError("cancelled", "the start was cancelled before it began");
    const start = startContainer(this.#environment, request, ++this.#sequence, stop);
    this.#starting.add(start);
    try {
      const container = await start;
      this.#containers.add(container);
      return this.#forgetting(container);
    } finally {
      this.#starting.delete(start);
    }
  }

  memoryBytes(): number {
    const sum = () => [...this.#containers].reduce((bytes, container) => bytes + container.usage().memoryBytes, 0);
    return memoryUsedBy(this.#environment.cgroups) ?? sum();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#containers].map((container) => container.remove()));
    const { cgroups, root, temporary, harnessPath } = this.#environment;
    for (const group of parentFolders(cgroups)) await removeGroup(group);
    for (const path of [harnessPath, join(root, "owner.json"), ...temporary]) {
      await Deno.remove(path, { recursive: true }).catch(() => {});
    }
  }

  #forgetting(container: ProcessContainer): Container {
    const containers = this.#containers;
    return {
      containerId: container.containerId,
      times: container.times,
      get usable() {
        return container.usable;
      },
      invoke: (invocation, signal) => container.invoke(invocation, signal),
      usage: () => container.usage(),
      stop: (failure) => container.stop(failure),
      remove: () => container.remove().finally(() => containers.delete(container)),
    };
  }
}

/** Whoever owns the folder could put code of his own into containers. Temporary folders are shared by all users. */
async function checkOurs(folder: string): Promise<void> {
  const probe = await Deno.makeTempFile({ dir: folder });
  const [{ uid }, { uid: ours }] = [await Deno.stat(folder), await Deno.stat(probe)];
  await Deno.remove(probe);
  if (uid !== ours) {
    throw new PlatformError("failed_precondition", `Folder ${folder} belongs to another user: take one of your own`);
  }
  await Deno.chmod(folder, 0o700);
}

async function plainHarness(): Promise<string> {
  const response = await fetch(new URL("./harness.ts", import.meta.url));
  return stripTypeScriptTypes(await response.text());
}
