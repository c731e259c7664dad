/** GetScore's messages and our views of the same, both ways. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Costs,
  CostsSchema,
  FunctionScore as FunctionMessage,
  FunctionScoreSchema,
  GetScoreResponse,
  GetScoreResponseSchema,
  Shadows,
  ShadowsSchema,
  Times as TimesMessage,
  TimesSchema,
} from "../../gen/minifaas/admin/v1/cluster_pb.ts";
import { TIMES_BOUNDS, type TimesView } from "./score/times.ts";
import type { FunctionScore, NamedScore, ScoredCosts, ScoreView, ShadowsView, TwinView } from "./score/view.ts";

const STAGES = ["wait", "run", "create", "boot", "import"] as const;
const COUNTS = ["calls", "waited", "coldStarts", "refused", "cancelled"] as const;

export function fromScoreView(view: ScoreView): MessageInitShape<typeof GetScoreResponseSchema> {
  return {
    policy: view.policy,
    seconds: view.seconds,
    all: fromFunction(view.all),
    forgotten: fromFunction(view.forgotten),
    functions: view.functions.map(fromFunction),
    nodeSeconds: view.nodeSeconds,
    unassignedNodeSeconds: view.unassignedNodeSeconds,
    reserve: fromTimes(view.reserve),
    missed: BigInt(view.missed),
    shadows: view.shadows && fromShadows(view.shadows),
  };
}

export function toScoreView(message: GetScoreResponse): ScoreView {
  return {
    policy: message.policy,
    seconds: message.seconds,
    all: toFunction(message.all),
    forgotten: toFunction(message.forgotten),
    functions: message.functions.map(toFunction),
    nodeSeconds: message.nodeSeconds,
    unassignedNodeSeconds: message.unassignedNodeSeconds,
    reserve: toTimes(message.reserve),
    missed: Number(message.missed),
    shadows: message.shadows && toShadows(message.shadows),
  };
}

function fromFunction(one: FunctionScore & Partial<NamedScore>): MessageInitShape<typeof FunctionScoreSchema> {
  const { accountId, functionName, failures, containers, nodeSeconds } = one;
  return {
    ...{ accountId, functionName, nodeSeconds },
    ...Object.fromEntries(COUNTS.map((name) => [name, BigInt(one[name])])),
    ...Object.fromEntries(STAGES.map((name) => [name, fromTimes(one[name])])),
    failures: Object.fromEntries(Object.entries(failures).map(([kind, count]) => [kind, BigInt(count)])),
    ...containers,
  };
}

function toFunction(one: FunctionMessage | undefined): NamedScore {
  const counts = COUNTS.map((name) => [name, Number(one?.[name] ?? 0)]);
  const time = (at: "starting" | "busy" | "idle") => ({
    seconds: one?.[at]?.seconds ?? 0,
    gibSeconds: one?.[at]?.gibSeconds ?? 0,
  });
  return {
    accountId: one?.accountId ?? "",
    functionName: one?.functionName ?? "",
    ...Object.fromEntries(counts) as Record<(typeof COUNTS)[number], number>,
    ...Object.fromEntries(STAGES.map((name) => [name, toTimes(one?.[name])])) as Record<
      (typeof STAGES)[number],
      TimesView
    >,
    failures: Object.fromEntries(Object.entries(one?.failures ?? {}).map(([kind, count]) => [kind, Number(count)])),
    containers: { starting: time("starting"), busy: time("busy"), idle: time("idle") },
    nodeSeconds: one?.nodeSeconds ?? 0,
  };
}

function fromTimes({ count, sumMs, buckets }: TimesView): MessageInitShape<typeof TimesSchema> {
  return { count: BigInt(count), sumSeconds: sumMs / 1_000, buckets: buckets.map(BigInt) };
}

function toTimes(times: TimesMessage | undefined): TimesView {
  return {
    count: Number(times?.count ?? 0),
    sumMs: (times?.sumSeconds ?? 0) * 1_000,
    buckets: Array.from({ length: TIMES_BOUNDS.length + 1 }, (_, i) => Number(times?.buckets[i] ?? 0)),
  };
}

function fromShadows({ live, twins, ...view }: ShadowsView): MessageInitShape<typeof ShadowsSchema> {
  return {
    failure: view.failure,
    lagSeconds: view.lagSeconds,
    calls: BigInt(view.calls),
    late: BigInt(view.late),
    dropped: BigInt(view.dropped),
    liveHour: fromCosts(live.hour),
    liveTotal: fromCosts(live.total),
    twins: twins.map(({ hour, total, ...twin }) => ({ ...twin, hour: fromCosts(hour), total: fromCosts(total) })),
  };
}

function toShadows(message: Shadows): ShadowsView {
  return {
    failure: message.failure,
    lagSeconds: message.lagSeconds,
    calls: Number(message.calls),
    late: Number(message.late),
    dropped: Number(message.dropped),
    live: { hour: toCosts(message.liveHour), total: toCosts(message.liveTotal) },
    twins: message.twins.map(({ policy, role, failure, hour, total }) => ({
      ...{ policy, role: role as TwinView["role"], failure },
      hour: toCosts(hour),
      total: toCosts(total),
    })),
  };
}

function fromCosts(costs: ScoredCosts): MessageInitShape<typeof CostsSchema> {
  return { ...costs, calls: BigInt(costs.calls), failed: BigInt(costs.failed) };
}

function toCosts(costs: Costs | undefined): ScoredCosts {
  return {
    calls: Number(costs?.calls ?? 0),
    failed: Number(costs?.failed ?? 0),
    responseSeconds: costs?.responseSeconds ?? 0,
    nodeSeconds: costs?.nodeSeconds ?? 0,
    responseRatio: costs?.responseRatio,
    nodeRatio: costs?.nodeRatio,
    score: costs?.score,
  };
}
