import { VCPU_PER_GIB } from "../../../base/mod.ts";
import type { ContainerRuntime } from "../../runtime.ts";
import type { CgroupParents } from "./cgroup.ts";

/** What the process runtime can enforce with these control groups, for the node agent to tell at its start. */
export function enforcementOf(cgroups: CgroupParents, platformHasToken: boolean): ContainerRuntime["enforcement"] {
  const { memory, cpu } = cgroups;
  const onLinux = Deno.build.os === "linux";
  const polled = onLinux
    ? "no writable cgroup: resident memory is polled every 50 ms and the process killed above its limit"
    : "no cgroup and no /proc: only V8's heap is limited, buffers are not";
  const loopback = platformHasToken
    ? "only the hosts it was deployed with"
    : "only the hosts it was deployed with, never this machine (run with a token to lift that)";
  return [
    { what: "memory", enforced: memory !== undefined || onLinux, how: memory ? `cgroup v${memory.version}` : polled },
    {
      what: "cpu",
      enforced: cpu !== undefined,
      how: cpu
        ? `cgroup v${cpu.version}, ${VCPU_PER_GIB} vCPU per GiB`
        : "no writable cgroup: containers share all processors",
    },
    { what: "files", enforced: true, how: "Deno permissions: a container reads its own bundle and writes nothing" },
    { what: "environment, subprocesses, ffi, downloads", enforced: true, how: "Deno permissions: none" },
    { what: "network", enforced: true, how: `Deno permissions: ${loopback}` },
    { what: "time and output", enforced: true, how: "the node agent stops what is over its limit" },
  ];
}
