/** The real program as a child process, for tests that cross rooms. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { callJson, PATIENCE_MS } from "./calls.ts";
import { assertPromises } from "./promises.ts";
import { TextLineStream } from "./text_lines.ts";

export { callJson, PATIENCE_MS };

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PERMISSIONS = ["--allow-net", "--allow-read", "--allow-write", "--allow-env", "--allow-run", "--allow-sys"];

/** A running command of ours that serves. */
export interface Served {
  readonly pid: number;
  /** What it said on stdout when it was ready. */
  // deno-lint-ignore no-explicit-any -- each command says something else
  readonly ready: any;
  /** All that it wrote to stderr so far. */
  log(): string;
  /** Sends a signal and resolves with the exit code once it has ended. */
  stop(signal?: "SIGINT" | "SIGTERM" | "SIGKILL"): Promise<number>;
}

export interface ServeOptions {
  /** With all permissions, as a node agent needs. */
  readonly all?: boolean;
  /** Added to this process's environment. */
  readonly env?: Record<string, string>;
  /** In a process group of its own, all of which hears its signals: as a terminal does it with Ctrl-C. */
  readonly group?: boolean;
}

/** Starts `up` or `serve …` and resolves when it is ready; `args` should have ports of 0. */
export async function serve(args: readonly string[], options: ServeOptions = {}): Promise<Served> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      ...(options.all ? ["--allow-all"] : PERMISSIONS),
      `${ROOT}src/main.ts`,
      ...args,
      "--json",
    ],
    cwd: ROOT,
    env: options.env,
    detached: options.group,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let log = "";
  const logged = child.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({ write: (text) => void (log += text) }),
  );
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  const first = await within(lines.read(), `a ready line of ${args.join(" ")}`).catch((error) => {
    child.kill("SIGKILL");
    throw new Error(`${error.message}; it said:\n${log}`);
  });
  const drained = (async () => {
    while (!(await lines.read()).done);
  })();
  if (first.done) {
    await Promise.all([child.status, logged]);
    throw new Error(`${args.join(" ")} ended before it was ready:\n${log}`);
  }
  return {
    pid: child.pid,
    ready: JSON.parse(first.value).ready,
    log: () => log,
    async stop(signal = "SIGINT") {
      try {
        process.kill(options.group ? -child.pid : child.pid, signal);
      } catch {
        // It has ended by itself.
      }
      const { code } = await within(child.status, `the end of ${args.join(" ")}`);
      await Promise.all([logged, drained]);
      return code;
    },
  };
}

/** A whole platform on ports of its own and an empty data folder, which keeps its promises and is gone afterwards. */
export async function withPlatform(
  args: readonly string[],
  use: (platform: Platform) => Promise<void>,
): Promise<void> {
  const data = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
  const served = await serve([...upArgs(data), ...args]);
  const textOf = async (flag: string) => {
    const file = args.find((arg) => arg.startsWith(`${flag}=`))?.slice(flag.length + 1);
    return file && await Deno.readTextFile(file);
  };
  try {
    const [token, ca] = [await textOf("--token-file"), await textOf("--tls-cert")];
    const scheme = ca === undefined ? "http" : "https";
    const scheduler = `${scheme}://${served.ready.scheduler}`;
    await use({ ...served, data, url: `${scheme}://${served.ready.apiserver}`, scheduler });
    await assertPromises({ scheduler, token, ca });
  } catch (error) {
    console.error(served.log());
    throw error;
  } finally {
    await served.stop();
    await Deno.remove(data, { recursive: true });
  }
}

export interface Platform extends Served {
  readonly data: string;
  readonly url: string;
  readonly scheduler: string;
}

/** `up` on any free ports. */
export function upArgs(data: string): string[] {
  const ports = ["apiserver", "scheduler", "resourcemanager", "node"].map((name) => `--${name}-port=0`);
  return ["up", `--data=${data}`, ...ports];
}

/** Runs a command of ours to its end. */
export async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...PERMISSIONS, `${ROOT}src/main.ts`, ...args],
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** What a command prints; throws what it says where it fails. */
export async function output(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd: ROOT }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Whether a command is not installed here; says so. */
export function commandMissing(command: string): boolean {
  try {
    new Deno.Command(command, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return false;
  } catch {
    console.log(`${command} is not installed: tests with it are left out`);
    return true;
  }
}

/** A command of ours that goes on printing, until it is stopped. */
export function follow(...args: string[]): { until(text: string): Promise<void>; stop(): Promise<number> } {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...PERMISSIONS, `${ROOT}src/main.ts`, ...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let said = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return {
    async until(text) {
      while (!said.includes(text)) {
        const { done, value } = await within(reader.read(), `"${text}" of ${args.join(" ")}`);
        if (done) throw new Error(`${args.join(" ")} ended before "${text}":\n${said}`);
        said += value;
      }
    },
    async stop() {
      child.kill("SIGTERM");
      await reader.cancel();
      return (await within(child.status, `the end of ${args.join(" ")}`)).code;
    },
  };
}

/** Counters of the scheduler; those of 0 are left out by JSON. */
export async function summaryOf(base: string): Promise<Record<string, number>> {
  const reply = await callJson(base, "minifaas.admin.v1.ClusterService/GetSummary", {});
  return Object.fromEntries(Object.entries(reply).map(([name, count]) => [name, Number(count)]));
}

/** Asks until `done` says so, a little later each time; throws when patience is at its end. */
export async function until<T>(what: string, ask: () => Promise<T>, done: (answer: T) => boolean): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let pauseMs = 10;; pauseMs = Math.min(500, pauseMs * 1.5)) {
    const answer = await ask();
    if (done(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`${what} did not come about: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** The promise's value, or an error after {@linkcode PATIENCE_MS}. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} did not come within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Processes whose command line, with a space after each of its words, has `text` in it. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const command = (await Deno.readTextFile(`/proc/${name}/cmdline`)).replaceAll("\0", " ");
      if (command.includes(text)) found.push(Number(name));
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}
