import { ABLATIONS } from "../../policy/mod.ts";
import { command, EXIT, outJson } from "../command.ts";
import { flag } from "../flags.ts";
import { list, onOff, text } from "../kinds.ts";
import { Progress } from "../simulation/progress.ts";
import { runFlags } from "../simulation/sim_flags.ts";
import { workloadHelp, workloadSource } from "../simulation/workload_source.ts";

const NAMES = ABLATIONS.map(({ name }) => name);

/** Loaded when it is needed only, as with `sim`. */
const loadSimulator = async () => ({
  ...await import("../simulation/ablation.ts"),
  ...await import("../simulation/sensitivity.ts"),
  ...await import("../simulation/ablation_tables.ts"),
});

export const ablate = command({
  name: "ablate",
  summary: "What each idea of the adaptive policy is worth, and where it holds",
  takes: [],
  flags: {
    off: flag(list(text("NAME", "the name of an idea")), NAMES, "ideas to switch off, one at a time"),
    sensitivity: flag(
      onOff,
      false,
      "instead of that: adaptive and its rivals with faster and slower starts, heavier containers, no overcommit",
    ),
    ...runFlags,
  },
  details: [
    "Runs the adaptive policy as `sim` does, in full and with each of its ideas switched off in turn, on the same calls.\n" +
    "The difference of the scores is what an idea is worth there; over several seeds its deviation says how much of that\n" +
    "is chance.",
    `Ideas, and what happens without them:\n${
      ABLATIONS.map(({ name, without }) => `  ${name.padEnd(15)}  ${without}\n`).join("")
    }`.trimEnd(),
    `Workloads, as with \`sim\`:\n${workloadHelp()}\n  FILE         a workload, a list of calls or a recorded trace`,
  ],
  examples: [
    "ablate --seed 1,2,3",
    "ablate --workload bursty:functions=50,minutes=10 --off sharing,draining --json",
    "ablate --sensitivity --workload diurnal",
  ],
  async run({ values, io }) {
    const source = workloadSource(values.workload, io.cwd);
    const simulator = await loadSimulator();
    const progress = new Progress(io);
    const watched = <T>(run: Promise<T>) => run.finally(() => progress.clear());
    if (values.sensitivity) {
      const result = await watched(simulator.runSensitivity(values, source, progress));
      if (values.json) outJson(io, result);
      else io.out(simulator.sensitivityTable(result));
    } else {
      const result = await watched(simulator.runAblation(values, source, progress));
      if (values.json) outJson(io, result);
      else io.out(simulator.ablationTable(result));
    }
    return EXIT.ok;
  },
});
