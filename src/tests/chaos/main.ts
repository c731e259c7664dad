/**
 * Connections opened, used and killed at random against the real scheduler's port.
 *
 *     deno run -A src/tests/chaos/main.ts [--seconds 60] [--connections 1000] [--seed N]
 */
import { taskArguments } from "../../base/task_arguments.ts";
import { chaos, OWN_SOCKETS_MAX } from "./run.ts";

const MEMORY_GROWTH_MAX = 0.05;
const LEAVERS = 100;

const { values } = taskArguments({
  options: {
    seconds: { type: "string", default: "60" },
    connections: { type: "string", default: "1000" },
    seed: { type: "string", default: String(crypto.getRandomValues(new Uint32Array(1))[0]) },
  },
});
const seconds = Number(values.seconds), connections = Number(values.connections), seed = Number(values.seed);
for (const [name, value, max] of [["seconds", seconds, 86_400], ["connections", connections, 5_000]] as const) {
  if (value > 0 && value <= max) continue;
  console.error(`--${name} is ${values[name]}, must be a number above 0, at most ${max}`);
  Deno.exit(2);
}
console.log(`--seconds ${seconds} --connections ${connections} --seed ${seed}`);
const result = await chaos({ seed, seconds, connections, leavers: LEAVERS, patient: true });
console.log(JSON.stringify(result, null, 2));
const { before, after, faults, leases, waiting } = result;
const troubles = [
  ...faults,
  ...(leases + waiting > 0 ? [`${leases} leases and ${waiting} waiting are left`] : []),
  ...(after.sockets > before.sockets + OWN_SOCKETS_MAX
    ? [`${after.sockets - before.sockets} sockets more than before`]
    : []),
];
for (const what of ["residentBytes", "heapBytes"] as const) {
  const growth = after[what] / before[what] - 1;
  const percent = `${(growth * 100).toFixed(1)} %`;
  console.log(`${what}: ${percent}`);
  if (growth > MEMORY_GROWTH_MAX) troubles.push(`${what} grew by ${percent}`);
}
for (const trouble of troubles) console.log(`fault: ${trouble}`);
Deno.exit(troubles.length > 0 ? 1 : 0);
