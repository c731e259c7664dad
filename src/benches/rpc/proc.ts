/** What the kernel knows of a process. Linux only, as the rest of the bench is not: elsewhere it is 0. */

/** Processor time of all threads that a process has now, in nanoseconds. */
export function cpuNs(pid: number): number {
  try {
    let ns = 0;
    for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
      ns += Number(readOr(`/proc/${pid}/task/${name}/schedstat`, "0").split(" ")[0]);
    }
    return ns;
  } catch {
    return 0;
  }
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(readOr(`/proc/${pid}/status`, ""))?.[1] ?? 0) * 1024;
}

/** Sockets that a process holds. */
export function socketsOf(pid: number): number {
  try {
    let sockets = 0;
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      if (linkOf(`/proc/${pid}/fd/${name}`).startsWith("socket:")) sockets++;
    }
    return sockets;
  } catch {
    return 0;
  }
}

// A thread or a file may be gone between being listed and being read.
function readOr(path: string, otherwise: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return otherwise;
  }
}

function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}
