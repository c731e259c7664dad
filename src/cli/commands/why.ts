import type { Decision } from "../../../gen/minifaas/admin/v1/cluster_pb.ts";
import { command, EXIT, outJson } from "../command.ts";
import { CALL_TIMEOUT_MS, connectionFlags, withPlatform } from "../connection.ts";

export const why = command({
  name: "why",
  summary: "Tell why an invocation ran where it did, and what it waited for",
  takes: ["REQUEST-ID"],
  flags: connectionFlags,
  details: [
    "The id stands in the reply: `x-minifaas-request-id` of a URL, `requestId` of a call. Only the last decisions are\n" +
    "remembered, some thousand.",
  ],
  examples: ["why 8d9a8fbcf79d457380e5a5b4a1fe7307"],
  async run({ values, rest: [requestId], io }) {
    return await withPlatform(values, io, async ({ cluster }) => {
      const { decisions } = await cluster.explainRequest({ requestId }, { timeoutMs: CALL_TIMEOUT_MS });
      if (values.json) outJson(io, { decisions: decisions.map(plain) });
      else for (const decision of decisions) io.out(tell(decision));
      return EXIT.ok;
    });
  },
});

function plain({ $typeName: _, $unknown: __, events, ...decision }: Decision) {
  return { ...decision, events: events.map(({ atMs, text }) => ({ atMs, text })) };
}

/** One decision in a few lines. */
export function tell(decision: Decision): string {
  const { requestId, accountId, functionName, containerId, nodeId, alternatives, events } = decision;
  const waited = `${(Number(decision.waitedInNanos) / 1e6).toFixed(1)} ms`;
  const where = containerId ? `container ${containerId} on ${nodeId}` : "a container that is gone by now";
  const lines = [`${requestId}: ${accountId}/${functionName}, decided ${timeOf(decision.decidedAtMs)}`];
  if (decision.outcome === "warm") lines.push(`warm: ${where} had room and nobody waited`);
  else if (decision.outcome === "waited") lines.push(`waited ${waited} until ${where} had room`);
  else if (decision.outcome === "cold_start") {
    lines.push(`cold start: waited ${waited} for ${where}, its first invocation`);
  } else if (decision.outcome === "cancelled") {
    lines.push(`gave up after ${waited}: the caller left, or its time was over`);
  } else lines.push("refused at once");
  if (decision.waitingBefore > 0n) lines.push(`${decision.waitingBefore} others of the function waited before it`);
  if (alternatives.length > 0) lines.push(`other containers with room: ${alternatives.join(", ")}`);
  if (events.length > 0) lines.push("meanwhile, and the second before:");
  for (const { atMs, text } of events) lines.push(`  ${timeOf(atMs)}  ${text}`);
  return lines.join("\n  ").replaceAll("\n      ", "\n    ") + "\n";
}

function timeOf(wallMs: bigint): string {
  return new Date(Number(wallMs)).toISOString().slice(11);
}
