/** What Linux tells of a process under /proc. Undefined where it is gone. */

/** Clock ticks since boot at which the process started: with its id it names a process for ever. */
export function processStartTicks(pid: number): number | undefined {
  return statFields(pid)?.[21 - FIELDS_BEFORE];
}

/** CPU time that the process has used, in milliseconds. */
export function processCpuMs(pid: number): number | undefined {
  const fields = statFields(pid);
  return fields && (fields[13 - FIELDS_BEFORE] + fields[14 - FIELDS_BEFORE]) * MS_PER_TICK;
}

/** Memory of its own that the process holds, without files it has mapped, in bytes. */
export function processMemoryBytes(pid: number): number | undefined {
  const status = read(`/proc/${pid}/status`);
  const anonymous = status && /^RssAnon:\s+(\d+) kB/m.exec(status);
  const shared = status && /^RssShmem:\s+(\d+) kB/m.exec(status);
  return anonymous ? (Number(anonymous[1]) + Number(shared?.[1] ?? 0)) * 1024 : undefined;
}

/** Linux gives times to user space in hundredths of a second on every architecture. */
const MS_PER_TICK = 10;
/** pid, name and state stand before the first number. */
const FIELDS_BEFORE = 3;

function statFields(pid: number): number[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The name may hold spaces and brackets: what counts comes after its last bracket and the state.
  return stat?.slice(stat.lastIndexOf(")") + 4).split(" ").map(Number);
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
