/** Control groups of Linux, version 1 and 2: one group per container under one parent of this runtime's own. */
import { dirname, join } from "node:path";

/** The microseconds over which a CPU quota counts: the kernel's own default. */
const CPU_PERIOD_US = 100_000;
/** The kernel takes no smaller quota. */
const CPU_QUOTA_US_MIN = 1_000;
const REMOVE_TRIES_MAX = 200;
const REMOVE_PAUSE_MS = 5;

/** The parent folders that a runtime made for its containers, one per hierarchy. */
export interface CgroupParents {
  readonly memory?: { readonly version: 1 | 2; readonly folder: string };
  readonly cpu?: { readonly version: 1 | 2; readonly folder: string };
}

/**
 * Makes a group called `name` where the memory and cpu controllers can be used from here: next to the root of each
 * hierarchy, else as near to it as this process may write. What cannot be used is missing in the answer.
 */
export function createCgroupParents(name: string, proc = "/proc/self"): CgroupParents {
  const mounts = readMounts(proc);
  const v2 = mounts.find((mount) => mount.version === 2);
  const find = (controller: "memory" | "cpu") => {
    const v1 = mounts.find((mount) => mount.version === 1 && mount.controllers.includes(controller));
    for (const mount of [v1, v2]) {
      const folder = mount && createParent(mount, controller, name);
      if (folder) return { version: mount.version, folder };
    }
  };
  return { memory: find("memory"), cpu: find("cpu") };
}

/** Lets all groups under `parents` hold so much memory together: beyond it the kernel ends the largest process in them. */
export function limitMemoryOf({ memory }: CgroupParents, bytesMax: number): void {
  if (memory?.version === 1) {
    // Kernels before 5.11 count the groups below only where they are told so.
    tryWrite(memory.folder, "memory.use_hierarchy", "1");
    write(memory.folder, "memory.limit_in_bytes", String(bytesMax));
    tryWrite(memory.folder, "memory.memsw.limit_in_bytes", String(bytesMax));
  } else if (memory) {
    write(memory.folder, "memory.max", String(bytesMax));
    tryWrite(memory.folder, "memory.swap.max", "0");
  }
}

/** Memory in use by all groups under `parents`, in bytes; undefined where no controller counts it. */
export function memoryUsedBy({ memory }: CgroupParents): number | undefined {
  return memory && usedBytes(memory.folder, memory.version === 1);
}

/** Every folder of `parents`, each once. */
export function parentFolders(parents: CgroupParents): string[] {
  return [...new Set([parents.memory?.folder, parents.cpu?.folder].filter((folder) => folder !== undefined))];
}

/** The group of one container. Every file access is a short system call without a disk behind it, hence synchronous. */
export class Cgroup {
  readonly #memory?: string;
  readonly #cpu?: string;
  readonly #memoryV1: boolean;
  readonly #cpuV1: boolean;

  /** Throws where the groups cannot be made. */
  constructor(parents: CgroupParents, name: string) {
    const { memory, cpu } = parents;
    this.#memory = memory && join(memory.folder, name);
    this.#cpu = cpu && join(cpu.folder, name);
    this.#memoryV1 = memory?.version === 1;
    this.#cpuV1 = cpu?.version === 1;
    for (const folder of this.#folders()) Deno.mkdirSync(folder);
  }

  /** Puts a process in, with all its threads and under a memory limit. */
  add(pid: number, memoryBytesMax: number): void {
    if (this.#memory) {
      const limit = String(memoryBytesMax);
      if (this.#memoryV1) {
        write(this.#memory, "memory.limit_in_bytes", limit);
        tryWrite(this.#memory, "memory.memsw.limit_in_bytes", limit);
      } else {
        write(this.#memory, "memory.max", limit);
        tryWrite(this.#memory, "memory.swap.max", "0");
        tryWrite(this.#memory, "memory.oom.group", "1");
      }
    }
    for (const folder of this.#folders()) write(folder, "cgroup.procs", String(pid));
  }

  /** Gives it `vcpu` of one processor at most. */
  limitCpu(vcpu: number): void {
    if (!this.#cpu) return;
    const quota = String(Math.max(CPU_QUOTA_US_MIN, Math.round(vcpu * CPU_PERIOD_US)));
    if (!this.#cpuV1) return write(this.#cpu, "cpu.max", `${quota} ${CPU_PERIOD_US}`);
    write(this.#cpu, "cpu.cfs_period_us", String(CPU_PERIOD_US));
    write(this.#cpu, "cpu.cfs_quota_us", quota);
  }

  /** Lets a process end at full speed. */
  liftCpuLimit(): void {
    if (this.#cpu) tryWrite(this.#cpu, this.#cpuV1 ? "cpu.cfs_quota_us" : "cpu.max", this.#cpuV1 ? "-1" : "max");
  }

  /** Memory in use, in bytes; undefined where no controller counts it. */
  memoryBytes(): number | undefined {
    return this.#memory === undefined ? undefined : usedBytes(this.#memory, this.#memoryV1);
  }

  /** Starts {@linkcode peakBytes} anew, where the kernel can. */
  resetPeak(): void {
    if (this.#memory && this.#memoryV1) tryWrite(this.#memory, "memory.max_usage_in_bytes", "0");
    // Version 2 resets memory.peak for one open file only, and not before Linux 6.12: there it is the peak since start.
  }

  peakBytes(): number | undefined {
    const file = this.#memoryV1 ? "memory.max_usage_in_bytes" : "memory.peak";
    return this.#memory === undefined ? undefined : readBytes(this.#memory, file);
  }

  /** Whether the kernel has killed in it for want of memory. */
  ranOutOfMemory(): boolean {
    if (!this.#memory) return false;
    const text = read(this.#memory, this.#memoryV1 ? "memory.oom_control" : "memory.events");
    return Number(/^oom_kill (\d+)/m.exec(text ?? "")?.[1] ?? 0) > 0;
  }

  /** Removes the groups as soon as the last process is out of them. */
  async remove(): Promise<void> {
    for (const folder of this.#folders()) await removeGroup(folder);
  }

  #folders(): string[] {
    return [...new Set([this.#memory, this.#cpu].filter((folder) => folder !== undefined))];
  }
}

/** Removes one group without children; waits for processes that are about to end. Gone already is as good. */
export async function removeGroup(folder: string): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      return Deno.removeSync(folder);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (tries === REMOVE_TRIES_MAX) throw error;
    }
    // Removing is a matter between us and the kernel: real time, whatever clock the runtime was given.
    await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS));
  }
}

interface Mount {
  readonly version: 1 | 2;
  readonly folder: string;
  readonly controllers: readonly string[];
  /** This process's own group in it, as a path below the mount. */
  readonly own: string;
}

function readMounts(proc: string): Mount[] {
  const owns = (read(proc, "cgroup") ?? "").split("\n").map((line) => line.split(":"));
  const mounts: Mount[] = [];
  for (const line of (read(proc, "mountinfo") ?? "").split("\n")) {
    const [mount, source] = line.split(" - ").map((half) => half.split(" "));
    const version = source?.[0] === "cgroup" ? 1 : source?.[0] === "cgroup2" ? 2 : undefined;
    if (!version) continue;
    const controllers = source[2].split(",");
    const entry = owns.find(([id, names]) => version === 2 ? id === "0" : controllers.includes(names?.split(",")[0]));
    mounts.push({ version, folder: mount[4], controllers, own: entry?.slice(2).join(":") ?? "/" });
  }
  return mounts;
}

function createParent(mount: Mount, controller: "memory" | "cpu", name: string): string | undefined {
  const candidates = [mount.folder];
  for (let at = join(mount.folder, mount.own); at.startsWith(mount.folder + "/"); at = dirname(at)) {
    candidates.splice(1, 0, at);
  }
  for (const base of candidates) {
    const folder = join(base, name);
    const isNew = !exists(folder);
    try {
      if (mount.version === 2) enable(base, controller);
      if (isNew) Deno.mkdirSync(folder);
      if (mount.version === 2) enable(folder, controller);
      probe(folder, mount.version, controller);
      return folder;
    } catch {
      if (isNew && exists(folder)) Deno.removeSync(folder);
    }
  }
}

function enable(folder: string, controller: string): void {
  if (read(folder, "cgroup.subtree_control")?.trim().split(" ").includes(controller)) return;
  write(folder, "cgroup.subtree_control", `+${controller}`);
}

/** Throws unless a group under `folder` takes a limit. */
function probe(folder: string, version: 1 | 2, controller: "memory" | "cpu"): void {
  const child = join(folder, "probe");
  Deno.mkdirSync(child);
  try {
    if (controller === "memory") write(child, version === 1 ? "memory.limit_in_bytes" : "memory.max", "1073741824");
    else write(child, version === 1 ? "cpu.cfs_quota_us" : "cpu.max", version === 1 ? "10000" : "10000 100000");
  } finally {
    Deno.removeSync(child);
  }
}

/** What a group and those below it hold, less the pages of files that the kernel can take back at any time. */
function usedBytes(folder: string, isV1: boolean): number | undefined {
  const bytes = readBytes(folder, isV1 ? "memory.usage_in_bytes" : "memory.current");
  if (bytes === undefined) return undefined;
  const pattern = isV1 ? /^total_inactive_file (\d+)/m : /^inactive_file (\d+)/m;
  return Math.max(0, bytes - Number(pattern.exec(read(folder, "memory.stat") ?? "")?.[1] ?? 0));
}

function readBytes(folder: string, file: string): number | undefined {
  const text = read(folder, file);
  return text ? Number(text) : undefined;
}

/** A control file is there already: one that is not is never made. */
function write(folder: string, file: string, text: string): void {
  Deno.writeTextFileSync(join(folder, file), text, { create: false });
}

function tryWrite(folder: string, file: string, text: string): void {
  try {
    write(folder, file, text);
  } catch {
    // Not every kernel has it; the limit that counts was written with write().
  }
}

function read(folder: string, file: string): string | undefined {
  try {
    return Deno.readTextFileSync(join(folder, file));
  } catch {
    return undefined;
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
