/** What every benchmark is told on its command line. */
import { taskArguments } from "../base/task_arguments.ts";

const SECONDS_MAX = 3_600;

export interface BenchArguments {
  readonly json: boolean;
  readonly short: boolean;
  readonly seconds: number;
}

/** Reads `[--json] [--short] [--seconds S]`; ends the program with 2 where the seconds make no sense. */
export function benchArguments(defaults: { readonly seconds: number; readonly secondsShort: number }): BenchArguments {
  const { values } = taskArguments({
    options: { json: { type: "boolean" }, short: { type: "boolean" }, seconds: { type: "string" } },
  });
  const { json = false, short = false } = values;
  const usual = short ? defaults.secondsShort : defaults.seconds;
  const seconds = values.seconds === undefined ? usual : Number(values.seconds);
  if (!(seconds > 0 && seconds <= SECONDS_MAX)) {
    console.error(`--seconds is ${values.seconds}, must be a number above 0, at most ${SECONDS_MAX}`);
    Deno.exit(2);
  }
  return { json, short, seconds };
}
