/** The servers that are compared, each in a process of its own. */
import { fileURLToPath } from "node:url";
import { within } from "../../tests/program.ts";
import { TextLineStream } from "../../tests/text_lines.ts";
import type { Question, ThreadFigures } from "./server_channel.ts";

const SERVER = fileURLToPath(new URL("./server.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));
/** Below `../shared` as seen from the repository; only some machines have it. */
const GO_SOURCE = fileURLToPath(new URL("../../../../shared/peers/grpc-go-empty", import.meta.url));

/** Which HTTP/2 a scheduler's port speaks. */
export type Http2 = "own" | "node";

export interface BenchServer {
  readonly pid: number;
  readonly address: string;
  /** What the ingress thread tells of itself; servers that are not ours tell nothing. */
  ask(what: Question["ask"]): Promise<ThreadFigures | undefined>;
  close(): Promise<void>;
}

/** The real scheduler with simulated nodes. */
export async function startScheduler(
  options: { http2: Http2; nodes: number; nodeMib: number },
): Promise<BenchServer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "-A", "--config", CONFIG, "--v8-flags=--expose-gc", SERVER],
      ...[`--http2=${options.http2}`, `--nodes=${options.nodes}`, `--node-mib=${options.nodeMib}`],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  const stdin = child.stdin.getWriter();
  const next = async (what: string) => {
    const { done, value } = await within(lines.read(), what);
    if (done) throw new Error(`the server ended before ${what}`);
    return JSON.parse(value);
  };
  const { address } = await next("its address").catch((error) => {
    child.kill("SIGKILL");
    throw error;
  });
  return {
    pid: child.pid,
    address,
    async ask(what) {
      await stdin.write(new TextEncoder().encode(what + "\n"));
      return await next(`its answer to "${what}"`);
    },
    async close() {
      await stdin.close().catch(() => {});
      await within(child.status, "the end of the server").catch((error) => {
        child.kill("SIGKILL");
        throw error;
      });
      await lines.cancel();
    },
  };
}

/** The grpc-go server with empty handlers, built from its source; a text says why there is none. */
export async function startGrpcGo(): Promise<BenchServer | string> {
  if (!exists(GO_SOURCE)) return "there is no ../shared/peers/grpc-go-empty";
  if (!await succeeds("go", ["version"])) return "Go is not installed";
  const folder = await Deno.makeTempDir({ prefix: "mini-faas-bench-" });
  try {
    for (const { name } of Deno.readDirSync(GO_SOURCE)) {
      await Deno.copyFile(`${GO_SOURCE}/${name}`, `${folder}/${name}`);
    }
    const env = { GOFLAGS: "-buildvcs=false" };
    for (const args of [["mod", "tidy"], ["build", "-o", "server", "."]]) {
      const { success, stderr } = await new Deno.Command("go", { args, cwd: folder, env }).output();
      if (!success) return `go ${args.join(" ")} failed: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}`;
    }
    return await startGo(`${folder}/server`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function startGo(program: string): Promise<BenchServer> {
  const address = `127.0.0.1:${freePort()}`;
  const child = new Deno.Command(program, { args: [address], stdin: "null", stdout: "null", stderr: "inherit" })
    .spawn();
  await within(listens(address), "grpc-go");
  return {
    pid: child.pid,
    address,
    ask: () => Promise.resolve(undefined),
    async close() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

async function listens(address: string): Promise<void> {
  const [hostname, port] = address.split(":");
  for (;;) {
    try {
      return (await Deno.connect({ hostname, port: Number(port) })).close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Whether a command is there and says that all is well. */
export async function succeeds(command: string, args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
