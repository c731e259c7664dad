/** Runs a stress run in a thread of its own: the controller works on the tables too, and may hang in a broken one. */
import type { ControllerMessage } from "./controller.ts";
import type { StressOptions, StressReport } from "./run.ts";

/** Longer than the controller waits for a worker that hangs. */
const SILENCE_MS_MAX = 25_000;

/** Runs one stress run. Where it reports a violation threads may still be in an endless loop: end the process. */
export function supervise(options: StressOptions): Promise<StressReport> {
  const began = performance.now();
  const thread = new Worker(new URL("./controller.ts", import.meta.url), { type: "module" });
  return new Promise((resolve) => {
    const fail = (violation: string) =>
      end({
        seed: options.seed,
        seconds: (performance.now() - began) / 1_000,
        operations: 0,
        operationsPerSecond: 0,
        counts: {},
        moves: {},
        barriers: 0,
        ordered: 0,
        replaced: 0,
        violation,
      });
    const silent = () => fail("the controller does not come to the end of what it does");
    let timer = setTimeout(silent, SILENCE_MS_MAX);
    const end = (report: StressReport) => {
      clearTimeout(timer);
      if (report.violation === undefined) thread.terminate();
      resolve(report);
    };
    thread.onmessage = ({ data: { report } }: MessageEvent<ControllerMessage>) => {
      clearTimeout(timer);
      if (report) end(report);
      else timer = setTimeout(silent, SILENCE_MS_MAX);
    };
    thread.onerror = (event) => {
      event.preventDefault();
      fail(`the controller failed: ${event.message}`);
    };
    thread.postMessage(options);
  });
}
