/** What the numbers depend on: the machine. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Processes that wanted a core over the minute before: with more than none, two threads get less than two cores. */
  readonly load: number;
  /** Size of the first core's last-level cache in bytes, 0 where the system does not tell. */
  readonly lastLevelCacheBytes: number;
  readonly deno: string;
  readonly v8: string;
}

const CACHES = "/sys/devices/system/cpu/cpu0/cache";

export function machine(): Machine {
  const { deno, v8 } = Deno.version;
  const cpu = /^model name\s*:\s*(.*)$/m.exec(read("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  return {
    cpu,
    cores: navigator.hardwareConcurrency,
    load: Deno.loadavg()[0],
    lastLevelCacheBytes: lastLevelCache(),
    deno,
    v8,
  };
}

function lastLevelCache(): number {
  let level = 0, bytes = 0;
  for (let index = 0; index < 8; index++) {
    const found = Number(read(`${CACHES}/index${index}/level`));
    const size = /^(\d+)([KM]?)/.exec(read(`${CACHES}/index${index}/size`));
    if (!size || found < level) continue;
    level = found;
    bytes = Number(size[1]) * ({ K: 1024, M: 1024 * 1024 }[size[2]] ?? 1);
  }
  return bytes;
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return "";
  }
}
