/** The live score in the text format that Prometheus and its kin read, version 0.0.4. */
import type { Summary } from "./ports.ts";
import { TIMES_BOUNDS, type TimesView } from "./score/times.ts";
import { CONTAINER_STATES, type FunctionScore, type ScoreView, type ShadowsView } from "./score/view.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;
type Kind = "counter" | "gauge" | "histogram";

/** All metrics. A function has some fifty lines; there are as many functions as the scheduler's table has. */
export function metricsText(score: ScoreView, summary: Summary): string {
  const page = new Page();
  const { all, forgotten, functions } = score;
  page.family("minifaas_info", "gauge", "The policy that acts.").line({ policy: score.policy }, 1);
  page.single("minifaas_uptime_seconds", "gauge", "Since the scheduler began to serve.", score.seconds);
  page.single("minifaas_nodes", "gauge", "Nodes held now.", summary.nodes);
  page.single("minifaas_containers", "gauge", "Containers on them now.", summary.containers);
  page.single("minifaas_leases", "gauge", "Invocations that hold a container now.", summary.leases);
  page.single("minifaas_waiting", "gauge", "Acquires that wait for a container now.", summary.waiting);
  counters(page, score, summary);

  const labelled: [Labels, FunctionScore][] = functions.map((one) => [
    { account: one.accountId, function: one.functionName },
    one,
  ]);
  // What was counted for functions that are gone stays in the sums.
  if (forgotten.wait.count > 0) labelled.push([{ account: "", function: "" }, forgotten]);
  perFunction(page, labelled);

  page.histogram("minifaas_node_reserve_seconds", "Reservations of nodes.").times({}, score.reserve);
  const start = page.histogram(
    "minifaas_container_start_seconds",
    "Stages of containers' starts; create is the whole.",
  );
  for (const stage of ["create", "boot", "import"] as const) start.times({ stage }, all[stage]);
  if (score.shadows) shadows(page, score.shadows);
  return page.text();
}

function counters(page: Page, score: ScoreView, summary: Summary): void {
  const total = (name: string, help: string, value: number) => page.single(`minifaas_${name}`, "counter", help, value);
  total("node_seconds_total", "Time that nodes were held.", score.nodeSeconds);
  total(
    "unassigned_node_seconds_total",
    "Of it, the share of memory that no function's containers were charged for.",
    score.unassignedNodeSeconds,
  );
  total("acquires_total", "Acquires, on all threads.", summary.acquires);
  total("releases_total", "Returns of containers.", summary.releases);
  total("unknown_returns_total", "Returns of what was not held.", summary.unknownReturns);
  total("expired_leases_total", "Leases that ended by their deadline.", summary.expiredLeases);
  total("containers_created_total", "Containers that came up.", summary.containersCreated);
  total("containers_removed_total", "Containers that were removed.", summary.containersRemoved);
  total("nodes_lost_total", "Nodes that were written off.", summary.nodesLost);
  total("memory_corrections_total", "Differences to nodes' own accounts, taken over.", summary.memoryCorrections);
  total("score_missed_total", "Acquires and ends of runs missing in the figures by function.", score.missed);
}

function perFunction(page: Page, functions: readonly [Labels, FunctionScore][]): void {
  const each = (name: string, help: string, lines: (family: Family, labels: Labels, one: FunctionScore) => void) => {
    const family = page.family(`minifaas_function_${name}`, "counter", help);
    for (const [labels, one] of functions) lines(family, labels, one);
  };
  each("calls_total", "Acquires by how they ended.", (family, labels, one) => {
    const { calls, waited, coldStarts, refused, cancelled } = one;
    const outcomes = { warm: calls - waited - coldStarts, waited, cold_start: coldStarts, refused, cancelled };
    for (const [outcome, count] of Object.entries(outcomes)) family.line({ ...labels, outcome }, count);
  });
  each("failures_total", "Runs that failed, by kind.", (family, labels, one) => {
    for (const [kind, count] of Object.entries(one.failures)) family.line({ ...labels, kind }, count);
  });
  each("response_seconds_total", "Waiting and running together.", (family, labels, one) => {
    family.line(labels, (one.wait.sumMs + one.run.sumMs) / 1_000);
  });
  each("node_seconds_total", "Node time by the share of memory charged.", (family, labels, one) => {
    family.line(labels, one.nodeSeconds);
  });
  each(
    "container_seconds_total",
    "Time of containers, idle ones being kept warm.",
    (family, labels, { containers }) => {
      for (const state of CONTAINER_STATES) family.line({ ...labels, state }, containers[state].seconds);
    },
  );
  each("container_gib_seconds_total", "The same times the memory charged.", (family, labels, { containers }) => {
    for (const state of CONTAINER_STATES) family.line({ ...labels, state }, containers[state].gibSeconds);
  });
  const wait = page.histogram("minifaas_function_wait_seconds", "Waiting for a container.");
  for (const [labels, one] of functions) wait.times(labels, one.wait);
  const run = page.histogram("minifaas_function_run_seconds", "Running in it.");
  for (const [labels, one] of functions) run.times(labels, one.run);
}

function shadows(page: Page, view: ShadowsView): void {
  const total = (name: string, help: string, value: number) => {
    page.single(`minifaas_shadow_${name}`, "counter", help, value);
  };
  page.single("minifaas_shadow_up", "gauge", "1 while policies run in shadow.", view.failure === "" ? 1 : 0);
  page.single("minifaas_shadow_lag_seconds", "gauge", "How far behind the present they are.", view.lagSeconds);
  total("calls_total", "Calls fed to every twin.", view.calls);
  total("late_calls_total", "Of these, those that entered late.", view.late);
  total("dropped_calls_total", "Calls that were not fed.", view.dropped);
  const labelled = view.twins.map((twin) => [{ policy: twin.policy, role: twin.role }, twin] as const);
  const up = page.family("minifaas_shadow_policy_up", "gauge", "1 while the policy's twin runs.");
  for (const [labels, { failure }] of labelled) up.line(labels, failure === "" ? 1 : 0);
  const predicted = (name: string, help: string, of: "responseSeconds" | "nodeSeconds" | "failed") => {
    const family = page.family(`minifaas_shadow_${name}_total`, "counter", help);
    family.line({ policy: "", role: "live" }, view.live.total[of]);
    for (const [labels, twin] of labelled) family.line(labels, twin.total[of]);
  };
  predicted("response_seconds", "Response time in the twin; role live is what was measured.", "responseSeconds");
  predicted("node_seconds", "Node time in the twin; role live is what was measured.", "nodeSeconds");
  predicted("failed", "Calls that failed in the twin.", "failed");
  const score = page.family(
    "minifaas_shadow_score",
    "gauge",
    "Of the last hour, against the baseline's twin; 1 is its.",
  );
  for (const [labels, { hour }] of labelled) if (hour.score !== undefined) score.line(labels, hour.score);
}

/** Families in the order in which they are begun. */
class Page {
  readonly #lines: string[] = [];

  family(name: string, kind: Kind, help: string): Family {
    this.#lines.push(
      `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`,
      `# TYPE ${name} ${kind}`,
    );
    return new Family(name, this.#lines);
  }

  single(name: string, kind: Kind, help: string, value: number): void {
    this.family(name, kind, help).line({}, value);
  }

  histogram(name: string, help: string): Family {
    return this.family(name, "histogram", help);
  }

  text(): string {
    return this.#lines.join("\n") + "\n";
  }
}

class Family {
  readonly #name: string;
  readonly #lines: string[];

  constructor(name: string, lines: string[]) {
    this.#name = name;
    this.#lines = lines;
  }

  line(labels: Labels, value: number): void {
    const text = textOf(labels);
    this.#lines.push(`${this.#name}${text && `{${text}}`} ${value}`);
  }

  times(labels: Labels, { buckets, count, sumMs }: TimesView): void {
    const text = textOf(labels), before = text && `${text},`, braced = text && `{${text}}`;
    let upTo = 0;
    for (let i = 0; i < TIMES_BOUNDS.length; i++) {
      upTo += buckets[i];
      this.#lines.push(`${this.#name}_bucket{${before}le="${TIMES_BOUNDS[i]}"} ${upTo}`);
    }
    this.#lines.push(
      `${this.#name}_bucket{${before}le="+Inf"} ${count}`,
      `${this.#name}_sum${braced} ${sumMs / 1_000}`,
      `${this.#name}_count${braced} ${count}`,
    );
  }
}

function textOf(labels: Labels): string {
  return Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`).join(",");
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
