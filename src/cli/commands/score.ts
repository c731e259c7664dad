import type {
  Costs,
  FunctionScore,
  GetScoreResponse,
  Shadows,
  Times,
  Twin,
} from "../../../gen/minifaas/admin/v1/cluster_pb.ts";
import { quantileMs } from "../../scheduler/mod.ts";
import { command, EXIT, outJson } from "../command.ts";
import { CALL_TIMEOUT_MS, connectionFlags, withPlatform } from "../connection.ts";
import { flag } from "../flags.ts";
import { onOff } from "../kinds.ts";
import { table } from "../table.ts";

/** Functions that are told of by default: those that cost most node time. */
const FUNCTIONS_SHOWN = 10;

export const score = command({
  name: "score",
  summary: "Tell response and node time, by function, and what other policies would make of it",
  takes: [],
  flags: { ...connectionFlags, functions: flag(onOff, false, "tell about every function") },
  details: [
    "Response time is waiting for a container and running in it. Node time is how long nodes were held; a function has\n" +
    "the share of it that its containers' memory is of the node's. Both since the scheduler began to serve.",
    "With `--shadow POLICY,…` on `up` or `serve scheduler`, other policies decide on the same calls in virtual time: a\n" +
    "twin of the acting policy, one of each candidate, and one of the baseline that scores are measured against. Runs\n" +
    "take as long as they took live, with the crowding they met. How close the acting policy's twin comes to what was\n" +
    "measured tells how far to trust the others.",
  ],
  examples: ["score", "score --functions", "score --json"],
  run({ values, io }) {
    return withPlatform(values, io, async ({ cluster }) => {
      const reply = await cluster.getScore({}, { timeoutMs: CALL_TIMEOUT_MS });
      if (values.json) outJson(io, plain(reply));
      else io.out(tell(reply, values.functions));
      return EXIT.ok;
    });
  },
});

/** A message without its types' names. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== "$typeName" && name !== "$unknown");
  return Object.fromEntries(entries.map(([name, part]) => [name, plain(part)]));
}

/** The score in a few lines and tables. */
export function tell(reply: GetScoreResponse, everyFunction: boolean): string {
  const { policy, all, functions, nodeSeconds, unassignedNodeSeconds, shadows } = reply;
  const idle = share(all?.idle?.gibSeconds ?? 0, chargedOf(all));
  const lines = [
    `policy ${policy}, in ${seconds(reply.seconds)}: ${all?.calls ?? 0} calls, ${failedOf(all)} failed, ` +
    `${all?.coldStarts ?? 0} cold`,
    responseLine(all),
    `node time ${seconds(nodeSeconds)}, of which nobody's containers were charged ` +
    `${share(unassignedNodeSeconds, nodeSeconds)}; of what they were charged, ${idle} was for idle warmth`,
  ];
  if (reply.missed > 0n) lines.push(`${reply.missed} records came too fast to be counted by function`);
  const parts = [lines.join("\n") + "\n"];
  if (functions.length > 0) parts.push(functionTable(functions, everyFunction));
  if (shadows) parts.push(shadowTable(shadows));
  return parts.join("\n");
}

function responseLine(all: FunctionScore | undefined): string {
  if (!all?.wait?.count) return "no response time: nothing was called yet";
  return `response time ${seconds(responseOf(all))}: ${meanOf(all.wait)} waiting (99 % within about ` +
    `${p99Of(all.wait)}) and ${meanOf(all.run)} running on average`;
}

function functionTable(functions: readonly FunctionScore[], everyFunction: boolean): string {
  const dearest = [...functions].sort((a, b) => b.nodeSeconds - a.nodeSeconds);
  const shown = everyFunction ? dearest : dearest.slice(0, FUNCTIONS_SHOWN);
  const rows = shown.map((one) => [
    one.accountId === "default" ? one.functionName : `${one.accountId}/${one.functionName}`,
    String(one.calls),
    String(failedOf(one)),
    String(one.coldStarts),
    meanOf(one.wait),
    p99Of(one.wait),
    meanOf(one.run),
    seconds(responseOf(one)),
    seconds(one.nodeSeconds),
    share(one.idle?.gibSeconds ?? 0, chargedOf(one)),
  ]);
  const right = ["CALLS", "FAILED", "COLD", "WAIT", "P99", "RUN", "RESPONSE", "NODE-TIME", "IDLE"];
  const more = dearest.length - shown.length;
  const rest = more > 0 ? `and ${more} more: --functions tells all\n` : "";
  return table(["FUNCTION", ...right], rows, right) + rest;
}

function shadowTable(view: Shadows): string {
  const { failure, lagSeconds, calls, late, dropped, twins, liveHour } = view;
  const rows = twins.map((twin) => rowOf(twin));
  rows.push(["measured", "", "", "", "", ...costCells(liveHour), ""]);
  const right = ["SCORE", "RT", "ND", "RESPONSE", "NODE-TIME", "FAILED"];
  const headings = ["POLICY", "ROLE", ...right, ""];
  const acting = twins.find(({ role }) => role === "acting")?.hour;
  const trust = acting && liveHour && liveHour.responseSeconds > 0 && liveHour.nodeSeconds > 0
    ? `the acting policy's twin has ${ratio(acting.responseSeconds / liveHour.responseSeconds)} of the response time ` +
      `and ${ratio(acting.nodeSeconds / liveHour.nodeSeconds)} of the node time that were measured\n`
    : "";
  return `policies in shadow, the last hour, ${seconds(lagSeconds)} behind: ${calls} calls, ${late} entered late, ` +
    `${dropped} left out${failure === "" ? "" : `; ended: ${failure}`}\n${table(headings, rows, right)}${trust}`;
}

function rowOf({ policy, role, failure, hour }: Twin): string[] {
  const ratios = [hour?.score, hour?.responseRatio, hour?.nodeRatio].map((value) =>
    value === undefined ? "-" : ratio(value)
  );
  return [policy, role, ...ratios, ...costCells(hour), failure === "" ? "" : `failed: ${failure}`];
}

function costCells(costs: Costs | undefined): string[] {
  return [seconds(costs?.responseSeconds ?? 0), seconds(costs?.nodeSeconds ?? 0), String(costs?.failed ?? 0)];
}

function responseOf(one: FunctionScore | undefined): number {
  return (one?.wait?.sumSeconds ?? 0) + (one?.run?.sumSeconds ?? 0);
}

function failedOf(one: FunctionScore | undefined): bigint {
  if (!one) return 0n;
  return Object.values(one.failures).reduce((sum, count) => sum + count, one.refused + one.cancelled);
}

function chargedOf(one: FunctionScore | undefined): number {
  return [one?.starting, one?.busy, one?.idle].reduce((sum, time) => sum + (time?.gibSeconds ?? 0), 0);
}

function meanOf(times: Times | undefined): string {
  if (!times || times.count === 0n) return "-";
  return seconds(times.sumSeconds / Number(times.count));
}

function p99Of(times: Times | undefined): string {
  if (!times || times.count === 0n) return "-";
  const { count, sumSeconds, buckets } = times;
  return seconds(
    quantileMs({ count: Number(count), sumMs: sumSeconds * 1_000, buckets: buckets.map(Number) }, 0.99) / 1_000,
  );
}

function seconds(value: number): string {
  if (value === 0) return "0 s";
  return value < 1 ? `${(value * 1_000).toFixed(value < 0.01 ? 1 : 0)} ms` : `${value.toFixed(value < 100 ? 1 : 0)} s`;
}

function share(part: number, whole: number): string {
  return whole === 0 ? "-" : `${Math.round(100 * part / whole)} %`;
}

function ratio(value: number): string {
  return value.toFixed(3);
}
