/** A small scheduler behind a real port, for the tests of this room. */
import type { HandlerContext } from "@connectrpc/connect";
import type { Hono } from "hono";
import { Log, systemClock } from "../base/mod.ts";
import type { AcquireContainerRequest } from "../../gen/schedulerproto/scheduler_pb.ts";
import { Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import { NodeService } from "../../gen/nodeservoceproto/nodeservice_pb.ts";
import { createEdge, type Edge, type EdgeOptions, type ListenAt, type Listener } from "./mod.ts";

/** No wait of a test is longer than this. */
export const WAIT_MS = 10_000;

export interface TestServer {
  readonly edge: Edge;
  readonly listener: Listener;
  readonly address: string;
  readonly url: string;
  readonly lines: string[];
}

export type Acquire = (request: AcquireContainerRequest, context: HandlerContext) => unknown;

export interface TestOptions extends Partial<EdgeOptions> {
  /** Handler of AcquireContainer; the default one answers with the request's id and memory. */
  readonly acquire?: Acquire;
  /** How the port is opened, besides where. */
  readonly at?: Partial<ListenAt>;
}

/** Serves a scheduler, a node service whose stream echoes the event twice, and `/echo`, for as long as `use` runs. */
export async function withServer(options: TestOptions, use: (server: TestServer) => Promise<void>): Promise<void> {
  const lines: string[] = [];
  const log = new Log({ service: "test", level: "debug", write: (line) => lines.push(line), clock: systemClock });
  const edge = createEdge({
    service: "scheduler",
    ready: () => undefined,
    log,
    clock: systemClock,
    routes: (router) => {
      router.service(Scheduler, {
        async acquireContainer(request, context) {
          if (options.acquire) await options.acquire(request, context);
          return { containerId: request.requestId, nodeServicePort: request.functionConfig?.memoryInBytes ?? 0n };
        },
        returnContainer: () => ({}),
      });
      router.service(NodeService, {
        async *invokeFunction(request, context) {
          await Promise.resolve();
          if (options.acquire) await options.acquire(request as never, context);
          yield { body: request.event };
          yield { body: request.event };
          if (request.requestId === "fail") throw new Error("broke in the middle\n  at secret.ts:1");
        },
      });
    },
    http: echo,
    ...options,
  });
  const listener = await edge.listen({ hostname: "127.0.0.1", port: 0, ...options.at });
  const address = `${listener.hostname}:${listener.port}`;
  try {
    const url = `${options.at?.tls ? "https" : "http"}://${address}`;
    await use({ edge, listener, address, url, lines });
  } finally {
    await listener.close({ graceMs: 0 });
  }
}

function echo(app: Hono): void {
  app.all("/echo", (c) => new Response(c.req.raw.body, { headers: { "x-url": c.req.url, "x-method": c.req.method } }));
}

/** Rejects when `promise` takes longer than a test may wait. */
export async function within<T>(promise: Promise<T>, what: string, ms = WAIT_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error that `promise` rejects with, which must be one of `kind`. */
export async function errorOf<T extends Error>(
  promise: Promise<unknown>,
  kind: abstract new (...args: never[]) => T,
): Promise<T> {
  const settled = await within(promise.then(() => undefined, (error: unknown) => error), "the call");
  if (settled instanceof kind) return settled;
  throw new Error(settled === undefined ? "it did not fail" : `it failed otherwise: ${settled}`);
}

/** Whether there is no curl here; says so. */
export function curlMissing(): boolean {
  try {
    return !new Deno.Command("curl", { args: ["--version"] }).outputSync().success;
  } catch {
    console.log("curl is not installed: tests with it are left out");
    return true;
  }
}

/** What curl prints. */
export async function curl(...args: string[]): Promise<string> {
  return await run("curl", ["-sS", "--max-time", "30", ...args]);
}

/** What a command prints; throws what it says where it fails. */
export async function run(command: string, args: string[], cwd?: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
