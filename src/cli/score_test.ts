import { create } from "@bufbuild/protobuf";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { GetScoreResponseSchema } from "../../gen/minifaas/admin/v1/cluster_pb.ts";
import { tell } from "./commands/score.ts";

const times = (count: number, seconds: number) => ({
  count: BigInt(count),
  sumSeconds: seconds,
  buckets: [BigInt(count), ...new Array(12).fill(0n)],
});

const reply = (functions: number) =>
  create(GetScoreResponseSchema, {
    ...{ policy: "on-demand", seconds: 60, nodeSeconds: 120, unassignedNodeSeconds: 90 },
    all: { calls: 4n, refused: 1n, failures: { crash: 2n }, wait: times(5, 1), run: times(4, 3) },
    functions: Array.from({ length: functions }, (_, i) => ({
      ...{ accountId: i === 0 ? "other" : "default", functionName: `f${i}`, calls: 1n, nodeSeconds: functions - i },
      ...{ busy: { seconds: 1, gibSeconds: 1 }, idle: { seconds: 3, gibSeconds: 3 } },
    })),
    shadows: {
      ...{ lagSeconds: 30, calls: 4n, liveHour: { calls: 4n, responseSeconds: 4, nodeSeconds: 100 } },
      twins: [
        { policy: "on-demand", role: "acting", hour: { responseSeconds: 3, nodeSeconds: 110, score: 0.9 } },
        { policy: "kpa", role: "shadow", failure: "a round failed: it cannot count" },
      ],
    },
  });

Deno.test("the score in words: failures of all kinds together, the dearest functions first, shadows that failed", () => {
  const lines = tell(reply(12), false).split("\n");
  assertEquals(lines[0], "policy on-demand, in 60.0 s: 4 calls, 3 failed, 0 cold");
  const functions = lines.slice(lines.findIndex((line) => line.startsWith("FUNCTION")) + 1);
  assertEquals(functions[0].split(/ {2,}/).slice(0, 2), ["other/f0", "1"]);
  assertEquals(functions[0].split(/ {2,}/).at(-1), "75 %");
  assertEquals(functions[10], "and 2 more: --functions tells all");
  const text = tell(reply(12), true);
  assertStringIncludes(text, "\nf11 ");
  assertStringIncludes(text, "failed: a round failed: it cannot count");
  assertStringIncludes(text, "twin has 0.750 of the response time and 1.100 of the node time that were measured\n");
});

Deno.test("before anything was called the score tells that, without a table", () => {
  const text = tell(create(GetScoreResponseSchema, { policy: "on-demand", seconds: 1 }), false);
  assertEquals(text.split("\n")[1], "no response time: nothing was called yet");
});
