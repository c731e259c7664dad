import { command, EXIT, outJson } from "../command.ts";
import { Progress } from "../simulation/progress.ts";
import { writeFile } from "../simulation/report_output.ts";
import { simFlags } from "../simulation/sim_flags.ts";
import { workloadHelp, workloadSource } from "../simulation/workload_source.ts";

/** Loaded when it is needed only: commands that just call a platform start faster without the simulator. */
const loadSimulator = async () => ({
  ...await import("../simulation/simulations.ts"),
  ...await import("../simulation/sim_tables.ts"),
  ...await import("../../simulator/report/mod.ts"),
  ...await import("../../simulator/workloads/mod.ts"),
});

export const sim = command({
  name: "sim",
  summary: "Simulate scheduling policies on a workload, and score them",
  takes: [],
  flags: simFlags,
  details: [
    "Runs the production scheduler on a simulated cluster in virtual time: 20 minutes take a few seconds, and the same\n" +
    "seed gives the same result. Every policy is scored against the baseline on the same calls; the floor is what no\n" +
    "policy can be better than.",
    `Workloads, each with its parameters as in \`sparse:functions=5,minutes=1\`:\n${workloadHelp()}\n` +
    "  FILE.jsonl   a workload as --save writes it\n" +
    "  FILE.csv     a list of calls (arrival_ms, function, exec_duration_ms, …), or a trace of Azure Functions: 2021,\n" +
    "               or 2019 as N_inv.csv beside N_run.csv and N_mem.csv. Traces take cpu=0.25 (share of functions that\n" +
    "               compute; no trace tells) and longest=600 (seconds to which longer runs are cut); 2019 also\n" +
    "               from=1,minutes=1440 (of the day), functions (at most) and memory=0.25 (share of the recorded)",
  ],
  examples: [
    "sim",
    "sim --policy fixed-keepalive-60s,on-demand --seed 1,2,3 --weights 0.75,0.25",
    "sim --workload bursty:functions=50,minutes=10 --functions --html report.html",
    "sim --workload 50_inv.csv:from=600,minutes=60,longest=60 --policy on-demand --json",
  ],
  async run({ values, io }) {
    const source = workloadSource(values.workload, io.cwd);
    const simulator = await loadSimulator();
    const progress = new Progress(io);
    const startedMs = performance.now();
    const { comparison, workload, results, events } = await simulator
      .runSimulations(values, source, progress)
      .finally(() => progress.clear());
    const tookMs = performance.now() - startedMs;

    if (values.save !== undefined) await writeFile(io, "--save", values.save, simulator.writeWorkload(workload));
    if (values.html !== undefined) {
      await writeFile(io, "--html", values.html, [simulator.reportPage(comparison, results)]);
    }
    if (values.json) outJson(io, simulator.comparisonJson(comparison, values.functions));
    else {
      io.out(`${simulator.headline(comparison)}\n${simulator.policyTable(comparison)}`);
      if (values.functions) {
        io.out(`\nmean response time, and × the baseline's\n${simulator.functionTable(comparison)}`);
      }
      io.out(`\n${simulator.formatCount(events)} events in ${simulator.formatMs(tookMs)}\n`);
    }
    return EXIT.ok;
  },
});
