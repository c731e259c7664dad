/** Processes, named so that another one with the same id is never taken for one of ours. */
import { processStartTicks } from "./procfs.ts";

/** How long killed processes may take to be gone. */
const EXIT_MS = 5_000;
const EXIT_PAUSE_MS = 5;

export interface ProcessName {
  readonly pid: number;
  /** Undefined where the system does not tell; then it is never taken for alive. */
  readonly startTicks?: number;
  readonly bootId: string;
}

/** The full name of a running process. */
export function processName(pid: number): ProcessName {
  return { pid, startTicks: processStartTicks(pid), bootId: bootId() };
}

/** Whether the very process of this name still runs. */
export function isAlive(name: Partial<ProcessName>): boolean {
  const { pid, startTicks } = name;
  return typeof pid === "number" && startTicks !== undefined && name.bootId === bootId() &&
    processStartTicks(pid) === startTicks;
}

function bootId(): string {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  } catch {
    return "";
  }
}

/** Kills a process; false where it is gone or must not be touched. */
export function kill(pid: number): boolean {
  // Process 1 is never a container, whatever a file says.
  if (pid <= 1 || pid === Deno.pid) return false;
  try {
    Deno.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}

/** Resolves when a killed process is gone, or after some seconds. */
export async function waitForExit(pid: number): Promise<void> {
  const startTicks = processStartTicks(pid);
  for (let waitedMs = 0; waitedMs < EXIT_MS; waitedMs += EXIT_PAUSE_MS) {
    if (startTicks === undefined || processStartTicks(pid) !== startTicks) return;
    await new Promise((resolve) => setTimeout(resolve, EXIT_PAUSE_MS));
  }
}
