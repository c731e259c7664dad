/** The results as a person reads them. */
import type { Results } from "./measure.ts";
import type { Reached } from "./ratios.ts";

export function report(results: Results): string {
  const { machine, sizes, figures, ratios, heap } = results;
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, last-level cache ${mib(machine.lastLevelCacheBytes)}`,
    `Deno ${machine.deno}, V8 ${machine.v8}; ${machine.load.toFixed(1)} other processes at work before`,
    "",
  ];
  for (const { name, nodes, containers, functions, leases, bufferBytes } of sizes) {
    const counts = [`${count(nodes)} nodes`, `${count(containers)} containers`, `${count(functions)} functions`];
    lines.push(`${name}: ${counts.join(", ")}, ${count(leases)} leases: buffer ${mib(bufferBytes)}`);
  }
  lines.push(
    "",
    `${"ns per operation, all threads together".padEnd(56)}${right("ns", 9)}${right("by clock", 10)}${
      right("median", 9)
    }`,
  );
  for (const { name, ns, clockNsBest, clockNsMedian, threads, fairness } of figures) {
    const share = threads > 1 ? `   the slower thread: ${(fairness * 100).toFixed(0)} % of its share` : "";
    const values = [right(ns.toFixed(1), 9), right(clockNsBest.toFixed(1), 10), right(clockNsMedian.toFixed(1), 9)];
    lines.push(`  ${name.padEnd(54)}${values.join("")}${share}`);
  }
  const head = `${"ratios of slices measured one after the other".padEnd(56)}`;
  lines.push("", `${head}${right("best 1/4", 9)}${right("median", 9)}   aim`);
  for (const ratio of ratios) {
    const values = [ratio.value, ratio.median].map((value) => right(value.toFixed(2), 9)).join("");
    lines.push(`  ${ratio.name.padEnd(54)}${values}   ${aim(ratio)}`);
  }
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;
  lines.push(
    "",
    `heap over ${count(heap.pairs)} pairs: grew by ${kib(heap.growthBytes)}, ` +
      `between ${kib(heap.lowestBytes)} and ${kib(heap.highestBytes)}`,
  );
  return lines.join("\n");
}

function aim({ atMost, atLeast, ceiling, met }: Reached): string {
  const bound = atMost === undefined ? `at least ${Number(atLeast!.toFixed(2))}` : `at most ${atMost}`;
  const limit = ceiling === undefined ? "" : `; two threads of bare CAS reach ${ceiling.toFixed(2)} here`;
  return `${bound}${met ? "" : ": missed"}${limit}`;
}

const right = (text: string, width: number): string => text.padStart(width);
const count = (value: number): string => value.toLocaleString("en-US");
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
