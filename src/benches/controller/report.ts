/** The results as a person reads them. */
import type { Figures, Results } from "./measure.ts";

/** Methods of the policy that take less than this, in microseconds for each decision, are left out. */
const METHOD_US_MIN = 0.005;

export function report({ machine, sides, ratio, atMost, met }: Results): string {
  const lines = [
    `${machine.cpu}, ${machine.cores} cores; Deno ${machine.deno}, V8 ${machine.v8}; ` +
    `${machine.load.toFixed(1)} other processes at work before`,
    "",
    "A decision is an acquire answered, a container started or removed, a node reserved or released. Counted is what",
    "the controller and its policy take for all of them; acquire and release themselves are measured by bench:core.",
    "",
    ...sides.map(sizeLine),
    "",
    row("µs for each decision", sides.map(({ name }) => name)),
  ];
  const parts = Object.keys(sides[0].parts) as (keyof Figures["parts"])[];
  for (const part of parts) lines.push(row(`  ${part}`, sides.map((side) => side.parts[part].toFixed(3))));
  lines.push(
    row("all of it, in the least disturbed run", sides.map(({ usPerDecision }) => usPerDecision.toFixed(3))),
    row("  in the median run", sides.map(({ usPerDecisionOfRuns }) => median(usPerDecisionOfRuns).toFixed(3))),
    row("  for each acquire", sides.map(({ usPerAcquire }) => usPerAcquire.toFixed(3))),
    "",
    row("of it in the policy, with the timing itself", sides.map(({ name }) => name)),
  );
  const methods = new Set(sides.flatMap(({ policy }) => policy.filter(isTold).map(({ method }) => method)));
  for (const method of methods) {
    const cells = sides.map(({ policy }) => {
      const { us, calls } = policy.find((one) => one.method === method)!;
      return `${us.toFixed(3)} (${calls.toFixed(2)}×)`;
    });
    lines.push(row(`  ${method}`, cells));
  }
  lines.push("", `large to small: ${ratio.toFixed(2)}, at most ${atMost}${met ? "" : ": missed"}`);
  return lines.join("\n");
}

function sizeLine(side: Figures): string {
  const { name, nodes, functions, nodesHeld, containers, callsPerSecond, measuredMs, decisions } = side;
  const { acquires, starts, removals } = decisions;
  return `${name}: ${count(nodes)} nodes, ${count(functions)} functions, ${count(callsPerSecond)} calls/s for ` +
    `${count(measuredMs / 1_000)} s; ${count(nodesHeld)} nodes and ${count(containers)} containers at the end\n  ` +
    `${count(acquires)} acquires, ${count(starts)} starts, ${count(removals)} removals, ` +
    `${count(decisions.nodes)} nodes reserved or released`;
}

const isTold = ({ us }: Figures["policy"][number]) => us >= METHOD_US_MIN;
const row = (label: string, cells: readonly string[]) => label.padEnd(46) + cells.map((c) => c.padStart(20)).join("");
const count = (value: number) => Math.round(value).toLocaleString("en-US");

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
