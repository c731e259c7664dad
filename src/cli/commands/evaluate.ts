import { command, EXIT, outJson } from "../command.ts";
import { evaluateFlags } from "../evaluation/evaluate_flags.ts";
import type { Evaluation } from "../evaluation/evaluate.ts";
import type { Watcher } from "../evaluation/measure.ts";
import { PROGRAM } from "../help.ts";
import { EXIT_INTERRUPTED, processSignals, SAME_SIGNAL_MS, SIGNALS } from "../running.ts";
import { Progress } from "../simulation/progress.ts";
import { writeFile } from "../simulation/report_output.ts";
import { workloadSource } from "../simulation/workload_source.ts";

/** Loaded when it is needed only, as with `sim`. */
const loadEvaluation = async () => ({
  ...await import("../evaluation/evaluate.ts"),
  ...await import("../evaluation/lateness.ts"),
  ...await import("../simulation/sim_tables.ts"),
  ...await import("../../simulator/report/mod.ts"),
  ...await import("../../simulator/workloads/mod.ts"),
});

export const evaluate = command({
  name: "evaluate",
  summary: "Evaluate any scheduler over real sockets, on a simulated cluster in real time",
  takes: [],
  flags: evaluateFlags,
  details: [
    "Opens a resource manager and simulated nodes on ports of their own and plays the API server: every call acquires a\n" +
    "container, runs on the node it was given, and returns it. The scheduler may be anyone's that speaks\n" +
    "schedulerproto, and finds the resource manager by its RESOURCE_MANAGER_ENDPOINT. With --policy our own is run\n" +
    "here instead, or besides, on ports of its own.",
    "Workloads are those of `sim`. The table is that of `sim` too, but for the baseline, which is simulated in virtual\n" +
    "time on the same calls. The nodes' agents admit --overcommit times their memory, as in `sim`.",
    "--speed N sends a workload N times faster: arrivals, work, starts, refills and timeouts, and the 60 s within which\n" +
    "a call must be answered. The scheduler's own time constants (ticks, keep-alives) stay as they are, and weigh N\n" +
    "times as much: only at 1 figures compare with those of others. Times are told in the workload's time.",
    "Ctrl-C stops sending and tells what was measured so far; a second one ends at once.",
  ],
  examples: [
    "evaluate --scheduler 127.0.0.1:10600",
    "evaluate --policy adaptive --workload sparse:functions=5,minutes=1 --speed 4",
    "evaluate --scheduler mine=127.0.0.1:10600 --policy on-demand,adaptive --functions --html report.html",
  ],
  async run({ values, io }) {
    const source = workloadSource(values.workload, io.cwd);
    const evaluation = await loadEvaluation();
    const progress = new Progress(io);
    const tell = (text: string) => {
      progress.clear();
      io.err(text);
    };
    const { signal, dispose } = stopSignal(() => tell("stopping; once more to end at once\n"));
    const watcher: Watcher = {
      onNote: progress.onNote,
      onProgress: progress.onProgress,
      onWaiting: (target, resourceManager) => tell(waitingText(target.address, resourceManager, values.wait)),
      signal,
      writeLog: tell,
    };
    const done = await evaluation.evaluate(values, source, watcher, io.cwd).finally(() => {
      progress.clear();
      dispose();
    });
    const { comparison, workload, results, measured } = done;
    if (values.save !== undefined) await writeFile(io, "--save", values.save, evaluation.writeWorkload(workload));
    const how = howText(values.speed, done);
    if (values.html !== undefined) {
      await writeFile(io, "--html", values.html, [evaluation.reportPage(comparison, results, how)]);
    }
    if (values.json) {
      outJson(io, {
        ...evaluation.comparisonJson(comparison, values.functions),
        evaluation: toJson(values.speed, done),
      });
    } else {
      io.out(`${evaluation.headline(comparison)}${how}\n\n${evaluation.policyTable(comparison)}`);
      if (values.functions) io.out(`\n${evaluation.functionTable(comparison)}`);
      io.out("\n");
      for (const { name, lateness } of measured) io.out(evaluation.latenessText(name, lateness));
    }
    for (const { name, lateness, unsent, errors } of measured) {
      if (evaluation.isTooLate(lateness)) io.err(evaluation.latenessWarning(name, lateness));
      for (const { code, count, last } of errors) {
        io.err(`warning: ${name}: ${count} calls failed with ${code}, the last one so: ${last}\n`);
      }
      if (unsent > 0) {
        io.err(`warning: ${name}: ${unsent} calls were not sent, since too many were under way; they failed\n`);
      }
    }
    return done.stopped ? EXIT_INTERRUPTED : EXIT.ok;
  },
});

/** Where the figures come from, and what of them there is. */
function howText(speed: number, { measured, stopped }: Evaluation): string {
  const names = measured.map(({ name }) => name).join(", ");
  const pace = speed === 1
    ? "in real time"
    : `${speed} times faster than real time (the scheduler's own times are not)`;
  const text = `${names}: measured over real sockets ${pace}; the baseline is simulated in virtual time.`;
  if (!stopped) return text;
  const part = stopped.over < stopped.of ? ` after ${stopped.over} of ${stopped.of} calls` : "";
  const left = stopped.leftOut.length > 0 ? `; not measured: ${stopped.leftOut.join(", ")}` : "";
  return `${text} Stopped${part}${left}.`;
}

function toJson(speed: number, { measured, stopped }: Evaluation) {
  return {
    speed,
    measured: measured.map(({ result: _, ...rest }) => rest),
    stopped,
  };
}

/** What is waited for, and how to start ours there. */
function waitingText(address: string, resourceManager: string, waitMs: number): string {
  const port = address.slice(address.lastIndexOf(":") + 1);
  return `the resource manager listens on ${resourceManager}; waiting up to ${
    waitMs / 1_000
  } s for a scheduler at ${address}\n` +
    `ours would be: RESOURCE_MANAGER_ENDPOINT=${resourceManager} ${PROGRAM} serve scheduler --port ${port}\n`;
}

/** Aborted at the first SIGINT or SIGTERM; a second one ends the process, which holds nothing but its own ports. */
function stopSignal(onStop: () => void): { signal: AbortSignal; dispose: () => void } {
  const stop = new AbortController();
  let firstMs: number | undefined;
  const listener = () => {
    firstMs ??= processSignals.nowMs();
    if (processSignals.nowMs() - firstMs > SAME_SIGNAL_MS) processSignals.exit(EXIT_INTERRUPTED);
    if (stop.signal.aborted) return;
    stop.abort();
    onStop();
  };
  for (const name of SIGNALS) processSignals.add(name, listener);
  return {
    signal: stop.signal,
    dispose: () => {
      for (const name of SIGNALS) processSignals.remove(name, listener);
    },
  };
}
