import { join } from "node:path";
import { type Clock, EVENT_BYTES_MAX, GIB, messageOf, MIB, PlatformError, VCPU_PER_GIB } from "../../../base/mod.ts";
import type { CreateRequest } from "../../runtime.ts";
import { Cgroup, type CgroupParents } from "./cgroup.ts";
import { Channel } from "./channel.ts";
import { containerCommand } from "./command.ts";
import { ProcessContainer } from "./container.ts";
import { cgroupMeter, polledMeter } from "./memory.ts";
import { Output } from "./output.ts";
import { noteProcess } from "./run_folder.ts";

/** Booting and importing: a bundle whose top level takes longer than this does not start. */
const START_MS_MAX = 60_000;

/** What all containers of a runtime have in common. */
export interface StartEnvironment {
  readonly denoPath: string;
  readonly harnessPath: string;
  readonly containersFolder: string;
  readonly cgroups: CgroupParents;
  readonly platformHasToken: boolean;
  readonly clock: Clock;
}

/**
 * Starts one container in `<containersFolder>/c<sequence>`. The order matters: the process is in its memory group
 * before it sees the function's code, and its CPU quota comes last, so that the start is not slowed down.
 */
export async function startContainer(
  environment: StartEnvironment,
  request: CreateRequest,
  sequence: number,
  signal: AbortSignal,
): Promise<ProcessContainer> {
  const startedMs = environment.clock.nowMs();
  const { container, output, channel, cgroup, bundlePath } = await spawn(environment, request, sequence);
  const timer = new AbortController();
  const stopTimer = environment.clock.after(START_MS_MAX, () => timer.abort());
  const stop = AbortSignal.any([signal, timer.signal]);
  try {
    await Promise.race([output.ready.catch(() => notBooted(request, output)), aborted(stop)]);
    const bootedMs = environment.clock.nowMs();
    await loadCode(channel, request, bundlePath, stop);
    cgroup?.limitCpu(VCPU_PER_GIB * request.function.memoryBytes / GIB);
    container.cameUp({ bootMs: bootedMs - startedMs, importMs: environment.clock.nowMs() - bootedMs });
    return container;
  } catch (error) {
    const failure = error instanceof PlatformError
      ? error
      : await explain(container, request, error, signal.aborted, timer.signal.aborted);
    await container.remove();
    throw failure;
  } finally {
    stopTimer();
  }
}

async function spawn(environment: StartEnvironment, request: CreateRequest, sequence: number) {
  const { clock, cgroups, containersFolder, denoPath, harnessPath, platformHasToken } = environment;
  const { containerId, onLog } = request;
  const { memoryBytes, allowNet } = request.function;
  const folder = join(containersFolder, `c${sequence}`);
  const socketPath = join(folder, "s");
  const bundlePath = join(folder, "bundle.mjs");
  Deno.mkdirSync(folder, { mode: 0o700 });
  let cgroup: Cgroup | undefined;
  let child: Deno.ChildProcess;
  try {
    await Deno.writeFile(bundlePath, request.code);
    cgroup = cgroups.memory || cgroups.cpu ? new Cgroup(cgroups, `c${sequence}`) : undefined;
    child = containerCommand({
      ...{ denoPath, harnessPath, socketPath, bundlePath, folder, memoryBytes, allowNet, platformHasToken },
    }).spawn();
  } catch (error) {
    await cgroup?.remove();
    Deno.removeSync(folder, { recursive: true });
    throw error;
  }
  noteProcess(folder, child.pid);
  const channel = new Channel(socketPath);
  const onBytes = () => container.checkOutput();
  const output = new Output(child.stdout, child.stderr, { containerId, onLog, onBytes, wallMs: () => clock.wallMs() });
  const meter = cgroup && cgroups.memory
    ? cgroupMeter(cgroup, memoryBytes)
    : polledMeter(child.pid, memoryBytes, clock, () => container.stopForMemory());
  const spec = request.function;
  const container: ProcessContainer = new ProcessContainer({
    ...{ containerId, function: spec, folder, child, channel, output, cgroup, meter, clock },
  });
  try {
    cgroup?.add(child.pid, memoryBytes);
  } catch (error) {
    await container.remove();
    throw new PlatformError("internal", `Container ${containerId} cannot be limited: ${messageOf(error)}`);
  }
  return { container, output, channel, cgroup, bundlePath };
}

async function loadCode(channel: Channel, request: CreateRequest, bundlePath: string, signal: AbortSignal) {
  const { handler, functionName, version, memoryBytes } = request.function;
  const bundleUrl = `file://${bundlePath}`;
  const order = { bundleUrl, handler, functionName, version, memoryBytes, eventBytesMax: EVENT_BYTES_MAX };
  const reply = await channel.json("POST", "/load", order, signal) as { kind?: unknown; error?: unknown };
  if (reply?.kind === "event" || reply?.kind === "fetch") return;
  const why = typeof reply?.error === "string" ? reply.error : "its process sent what is no answer";
  throw importFailure(functionName, why);
}

async function explain(
  container: ProcessContainer,
  request: CreateRequest,
  error: unknown,
  left: boolean,
  tooLate: boolean,
): Promise<PlatformError> {
  const { functionName, memoryBytes } = request.function;
  if (left) return new PlatformError("cancelled", `Start of function "${functionName}" was cancelled`);
  if (tooLate) return importFailure(functionName, `it was not ready after ${START_MS_MAX} ms`);
  const { kind, message } = await container.explainLoss();
  if (kind === "out_of_memory") {
    const text = `Function "${functionName}" needs more than its ${
      Math.floor(memoryBytes / MIB)
    } MiB of memory to start`;
    return new PlatformError("resource_exhausted", text, { failure: "out_of_memory" });
  }
  return new PlatformError("failed_precondition", `${message} while its code was loaded`, {
    failure: "import",
    cause: error,
  });
}

/** No code of the function's has run yet: this is ours. */
function notBooted(request: CreateRequest, output: Output): never {
  const said = output.stderrTail.trim().split("\n").at(-1) || "it said nothing";
  throw new PlatformError("internal", `Container ${request.containerId} did not boot: ${said}`);
}

function importFailure(functionName: string, why: string): PlatformError {
  const message = `Function "${functionName}" could not be loaded: ${why}`;
  return new PlatformError("failed_precondition", message, { failure: "import" });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
