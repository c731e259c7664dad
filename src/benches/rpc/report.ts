/** The results as a person reads them. */
import type { LoadFigures, ServerFigures } from "./figures.ts";
import type { Results } from "./measure.ts";

const NAMES = { own: "ours", adapter: "connect-node adapter", "grpc-go": "grpc-go, empty handler" };

export function report({ machine, inFlight, burstAcquires, servers, skipped, ratios }: Results): string {
  const columns = ["calls/s", "p50 ms", "p99 ms", "cpu µs/call"].map((name) => right(name, 12)).join("");
  const loads = (figures: (server: ServerFigures) => LoadFigures | undefined) =>
    servers.flatMap((server) => {
      const found = figures(server);
      return found ? [`  ${NAMES[server.name].padEnd(30)}${loadLine(found)}`] : [];
    });
  const lines = [
    `${machine.cpu}, ${machine.cores} cores; Deno ${machine.deno}, V8 ${machine.v8}`,
    `${machine.load.toFixed(1)} other processes at work before; one ingress thread; ${inFlight} calls in flight`,
    "",
    `${"acquire and return, TypeScript client".padEnd(32)}${columns}`,
    ...loads(({ pairs }) => pairs),
  ];
  const byH2load = loads(({ h2load }) => h2load);
  if (byH2load.length > 0) lines.push("", `${"acquire of a live id, h2load".padEnd(32)}${columns}`, ...byH2load);
  const burstOf = `${burstAcquires.toLocaleString("en-US")} acquires at once, one connection`;
  lines.push("", `${burstOf.padEnd(44)}${right("best ms", 12)}${right("median ms", 12)}`);
  for (const { name, burst } of servers) {
    lines.push(
      `  ${NAMES[name].padEnd(42)}${right(burst.bestMs.toFixed(1), 12)}${right(burst.medianMs.toFixed(1), 12)}`,
    );
  }
  lines.push("", "memory per 1,000 idle connections");
  for (const { name, idleBytesPer1000 } of servers) {
    lines.push(`  ${NAMES[name].padEnd(42)}${right((idleBytesPer1000 / 2 ** 20).toFixed(1), 12)} MiB`);
  }
  lines.push("", `${"ratios".padEnd(56)}${right("is", 9)}   aim`);
  for (const { name, value, atLeast, atMost, met } of ratios) {
    const aim = atLeast !== undefined
      ? `at least ${atLeast}`
      : atMost !== undefined
      ? `at most ${atMost.toFixed(3)}`
      : "";
    lines.push(`  ${name.padEnd(54)}${right(value.toFixed(3), 9)}   ${aim}${met ? "" : ": missed"}`);
  }
  for (const reason of skipped) lines.push("", `left out: ${reason}`);
  return lines.join("\n");
}

function loadLine({ perSecond, p50Us, p99Us, cpuUsPerCall }: LoadFigures): string {
  const values = [
    perSecond.toFixed(0),
    (p50Us / 1_000).toFixed(2),
    (p99Us / 1_000).toFixed(2),
    cpuUsPerCall.toFixed(1),
  ];
  return values.map((value) => right(value, 12)).join("");
}

const right = (text: string, width: number): string => text.padStart(width);
