import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { PlatformError } from "../../base/mod.ts";
import { DEFAULT_CAPACITY } from "../../core/mod.ts";
import { onDemand } from "../../policy/mod.ts";
import { Scheduler } from "../../scheduler/mod.ts";
import { openThreads } from "./scheduler_threads.ts";
import { Closers, systemShared } from "./shared.ts";

const WORKERS = 2;

interface Opened {
  readonly url: string;
  /** Log lines so far. */
  readonly lines: string[];
  /** Resolves when a line with this text has been logged. */
  readonly logged: (text: string) => Promise<void>;
  readonly hung: Promise<number[]>;
}

/** A scheduler without nodes, its port on real threads, the first of which breaks in the given way. */
async function withThreads(fault: "throw" | "hang", use: (opened: Opened) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
  const lines: string[] = [];
  const listeners: (() => void)[] = [];
  const write = (line: string) => {
    lines.push(line);
    for (const listener of listeners) listener();
  };
  const shared = systemShared({ level: "info", write });
  const none = () => Promise.reject(new PlatformError("resource_exhausted", "no nodes here"));
  const scheduler = new Scheduler(
    {
      ...shared,
      log: shared.log("scheduler"),
      policy: onDemand({ containerIdleMs: 1, nodeIdleMs: 1, containersMin: 0, nodesMin: 0 }),
      resourceManager: { reserveNode: none, releaseNode: none, getNodesUsage: () => Promise.resolve([]) },
      dial: () => {
        throw new Error("there are no nodes");
      },
    },
    {},
    { ...DEFAULT_CAPACITY, workers: WORKERS + 1 },
  );
  const closers = new Closers();
  const hung = Promise.withResolvers<number[]>();
  const script = new URL(`./faults/failing_worker.ts?fault=${fault}&marker=${folder}/marker`, import.meta.url);
  try {
    await scheduler.start();
    const settings = { host: "127.0.0.1", port: 0, workers: WORKERS, logLevel: "info", script } as const;
    const address = await openThreads(scheduler, shared, { ...settings, onHang: hung.resolve }, closers);
    const logged = (text: string) =>
      new Promise<void>((resolve) => {
        const look = () => lines.some((line) => line.includes(text)) && resolve();
        listeners.push(look);
        look();
      });
    await use({ url: `http://${address}`, lines, logged, hung: hung.promise });
  } finally {
    await closers.close(100);
    scheduler.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function summary(url: string): Promise<number> {
  const response = await fetch(`${url}/minifaas.admin.v1.ClusterService/GetSummary`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: "{}",
  });
  await response.body?.cancel();
  return response.status;
}

async function isReady(url: string): Promise<number> {
  const response = await fetch(`${url}/readyz`, { headers: { connection: "close" } });
  await response.body?.cancel();
  return response.status;
}

Deno.test("a thread that throws is replaced, and the port goes on answering", async () => {
  await withThreads("throw", async ({ url, lines, logged }) => {
    await logged("an ingress thread failed and is replaced");
    assertMatch(lines.join(""), /planted/);
    await logged("an ingress thread listens again");
    for (let n = 0; n < 20; n++) {
      assertEquals(await summary(url), 200);
      assertEquals(await isReady(url), 200);
    }
  });
});

Deno.test("a thread that hangs is found by its heart", async () => {
  await withThreads("hang", async ({ hung }) => {
    assertEquals((await hung).length, 1);
  });
});

Deno.test("threads share a port with one another and with nobody else", async () => {
  await withThreads("throw", async ({ url }) => {
    const port = Number(new URL(url).port);
    const settings = { host: "127.0.0.1", port, workers: 1, logLevel: "info", onHang: () => {} } as const;
    const shared = systemShared({ level: "error", write: () => {} });
    const nobody = {} as Scheduler;
    await assertRejects(() => openThreads(nobody, shared, settings, new Closers()), PlatformError, "is taken");
  });
});
