/** The live score in the text format that Prometheus and its kin read, version 0.0.4. */
import type { Summary } from "./ports.ts";
import { TIMES_BOUNDS, type TimesView } from "./score/times.ts";
import { CONTAINER_STATES, type FunctionScore, type ScoreView, type ShadowsView } from "./score/view.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Kind = "counter" | "gauge" | "histogram";

/** Lines of a piece: a millisecond or two. */
const PIECE_LINES = 1_000;

/** All metrics as one text: {@linkcode metricsPieces} put together. */
export function metricsText(score: ScoreView, summary: Summary): string {
  return [...metricsPieces(score, summary)].join("");
}

/**
 * All metrics, in pieces that are made when they are asked for: with a thousand functions the page is megabytes, and the
 * thread that makes it has calls to answer. A function has some fifty lines; there are as many functions as the
 * scheduler's table has.
 */
export function* metricsPieces(score: ScoreView, summary: Summary): Generator<string> {
  const page = new Page();
  const { all, forgotten, functions } = score;
  page.family("minifaas_info", "gauge", "The policy that acts.").line(labelled({ policy: score.policy }), 1);
  page.single("minifaas_uptime_seconds", "gauge", "Since the scheduler began to serve.", score.seconds);
  page.single("minifaas_nodes", "gauge", "Nodes held now.", summary.nodes);
  page.single("minifaas_containers", "gauge", "Containers on them now.", summary.containers);
  page.single("minifaas_leases", "gauge", "Invocations that hold a container now.", summary.leases);
  page.single("minifaas_waiting", "gauge", "Acquires that wait for a container now.", summary.waiting);
  counters(page, score, summary);

  const named: [string, FunctionScore][] = functions.map((one) => [
    labelled({ account: one.accountId, function: one.functionName }),
    one,
  ]);
  // What was counted for functions that are gone stays in the sums.
  if (forgotten.wait.count > 0) named.push([labelled({ account: "", function: "" }), forgotten]);
  yield* perFunction(page, named);

  page.histogram("minifaas_node_reserve_seconds", "Reservations of nodes.").times("", score.reserve);
  const start = page.histogram(
    "minifaas_container_start_seconds",
    "Stages of containers' starts; create is the whole.",
  );
  for (const stage of ["create", "boot", "import"] as const) start.times(labelled({ stage }), all[stage]);
  if (score.shadows) shadows(page, score.shadows);
  yield pieceOf(page.lines);
}

/** Takes the lines out. */
function pieceOf(lines: string[]): string {
  return lines.splice(0).join("\n") + "\n";
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

function* perFunction(page: Page, functions: readonly [string, FunctionScore][]): Generator<string> {
  for (const { name, kind = "counter", help, write } of PER_FUNCTION) {
    const family = page.family(`minifaas_function_${name}`, kind, help);
    for (const [labels, one] of functions) {
      write(family, labels, one);
      if (page.lines.length >= PIECE_LINES) yield pieceOf(page.lines);
    }
  }
}

interface FunctionFamily {
  readonly name: string;
  readonly kind?: Kind;
  readonly help: string;
  readonly write: (family: Family, labels: string, one: FunctionScore) => void;
}

const PER_FUNCTION: readonly FunctionFamily[] = [
  {
    name: "calls_total",
    help: "Acquires by how they ended.",
    write(family, labels, { calls, waited, coldStarts, refused, cancelled }) {
      const outcomes = { warm: calls - waited - coldStarts, waited, cold_start: coldStarts, refused, cancelled };
      for (const [outcome, count] of Object.entries(outcomes)) family.line(`${labels},outcome="${outcome}"`, count);
    },
  },
  {
    name: "failures_total",
    help: "Runs that failed, by kind.",
    write(family, labels, { failures }) {
      for (const [kind, count] of Object.entries(failures)) family.line(`${labels},kind="${kind}"`, count);
    },
  },
  {
    name: "response_seconds_total",
    help: "Waiting and running together.",
    write: (family, labels, { wait, run }) => family.line(labels, (wait.sumMs + run.sumMs) / 1_000),
  },
  {
    name: "node_seconds_total",
    help: "Node time by the share of memory charged.",
    write: (family, labels, { nodeSeconds }) => family.line(labels, nodeSeconds),
  },
  {
    name: "container_seconds_total",
    help: "Time of containers, idle ones being kept warm.",
    write(family, labels, { containers }) {
      for (const state of CONTAINER_STATES) family.line(`${labels},state="${state}"`, containers[state].seconds);
    },
  },
  {
    name: "container_gib_seconds_total",
    help: "The same times the memory charged.",
    write(family, labels, { containers }) {
      for (const state of CONTAINER_STATES) family.line(`${labels},state="${state}"`, containers[state].gibSeconds);
    },
  },
  {
    name: "wait_seconds",
    kind: "histogram",
    help: "Waiting for a container.",
    write: (family, labels, { wait }) => family.times(labels, wait),
  },
  {
    name: "run_seconds",
    kind: "histogram",
    help: "Running in it.",
    write: (family, labels, { run }) => family.times(labels, run),
  },
];

function shadows(page: Page, view: ShadowsView): void {
  const total = (name: string, help: string, value: number) => {
    page.single(`minifaas_shadow_${name}`, "counter", help, value);
  };
  page.single("minifaas_shadow_up", "gauge", "1 while policies run in shadow.", view.failure === "" ? 1 : 0);
  page.single("minifaas_shadow_lag_seconds", "gauge", "How far behind the present they are.", view.lagSeconds);
  total("calls_total", "Calls fed to every twin.", view.calls);
  total("late_calls_total", "Of these, those that entered late.", view.late);
  total("dropped_calls_total", "Calls that were not fed.", view.dropped);
  const twins = view.twins.map((twin) => [labelled({ policy: twin.policy, role: twin.role }), twin] as const);
  const up = page.family("minifaas_shadow_policy_up", "gauge", "1 while the policy's twin runs.");
  for (const [labels, { failure }] of twins) up.line(labels, failure === "" ? 1 : 0);
  const predicted = (name: string, help: string, of: "responseSeconds" | "nodeSeconds" | "failed") => {
    const family = page.family(`minifaas_shadow_${name}_total`, "counter", help);
    family.line('policy="",role="live"', view.live.total[of]);
    for (const [labels, twin] of twins) family.line(labels, twin.total[of]);
  };
  predicted("response_seconds", "Response time in the twin; role live is what was measured.", "responseSeconds");
  predicted("node_seconds", "Node time in the twin; role live is what was measured.", "nodeSeconds");
  predicted("failed", "Calls that failed in the twin.", "failed");
  const score = page.family(
    "minifaas_shadow_score",
    "gauge",
    "Of the last hour, against the baseline's twin; 1 is its.",
  );
  for (const [labels, { hour }] of twins) if (hour.score !== undefined) score.line(labels, hour.score);
}

/** Families in the order in which they are begun. */
class Page {
  readonly lines: string[] = [];

  family(name: string, kind: Kind, help: string): Family {
    this.lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
    return new Family(name, this.lines);
  }

  single(name: string, kind: Kind, help: string, value: number): void {
    this.family(name, kind, help).line("", value);
  }

  histogram(name: string, help: string): Family {
    return this.family(name, "histogram", help);
  }
}

/** Samples of one family; labels as text, as {@linkcode labelled} makes it: most of them stand in many families. */
class Family {
  readonly #name: string;
  readonly #lines: string[];

  constructor(name: string, lines: string[]) {
    this.#name = name;
    this.#lines = lines;
  }

  line(labels: string, value: number): void {
    this.#lines.push(labels === "" ? `${this.#name} ${value}` : `${this.#name}{${labels}} ${value}`);
  }

  times(labels: string, { buckets, count, sumMs }: TimesView): void {
    const bucket = `${this.#name}_bucket{${labels === "" ? "" : `${labels},`}le="`, braced = labels && `{${labels}}`;
    let upTo = 0;
    for (let i = 0; i < TIMES_BOUNDS.length; i++) {
      upTo += buckets[i];
      this.#lines.push(`${bucket}${TIMES_BOUNDS[i]}"} ${upTo}`);
    }
    this.#lines.push(
      `${bucket}+Inf"} ${count}`,
      `${this.#name}_sum${braced} ${sumMs / 1_000}`,
      `${this.#name}_count${braced} ${count}`,
    );
  }
}

function labelled(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`).join(",");
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
