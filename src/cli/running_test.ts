import { assertEquals, assertRejects } from "@std/assert";
import { type Running, runUntilSignal, type Signals } from "./running.ts";

/** Signals that a test sends. */
class FakeSignals implements Signals {
  readonly listeners = new Map<string, () => void>();
  readonly exits: number[] = [];
  ms = 0;
  add(signal: string, listener: () => void) {
    this.listeners.set(signal, listener);
  }
  remove(signal: string) {
    this.listeners.delete(signal);
  }
  exit(code: number) {
    this.exits.push(code);
  }
  nowMs() {
    return this.ms;
  }
  send(signal: string) {
    this.listeners.get(signal)!();
  }
}

function running(close: () => Promise<void> = () => Promise.resolve()): Running {
  return { addresses: { apiserver: "127.0.0.1:10500" }, close };
}

Deno.test("the first signal drains, and the listeners are gone afterwards", async () => {
  const signals = new FakeSignals();
  const steps: string[] = [];
  const code = await runUntilSignal(() => Promise.resolve(running(() => Promise.resolve(void steps.push("closed")))), {
    signals,
    onReady: () => {
      steps.push("ready");
      signals.send("SIGTERM");
    },
    onDrain: () => steps.push("draining"),
  });
  assertEquals([code, steps, signals.exits, signals.listeners.size], [0, ["ready", "draining", "closed"], [], 0]);
});

Deno.test("the second signal ends the process at once", async () => {
  const signals = new FakeSignals();
  const closing = Promise.withResolvers<void>();
  const start = () => Promise.resolve(running(() => closing.promise));
  const done = runUntilSignal(start, { signals, onReady: () => signals.send("SIGINT") });
  await Promise.resolve();
  signals.send("SIGINT");
  assertEquals(signals.exits, [], "the same Ctrl-C, passed on by `deno task`");
  signals.ms += 1_000;
  signals.send("SIGINT");
  assertEquals(signals.exits, [130]);
  closing.resolve();
  await done;
});

Deno.test("a signal during the start drains what has started", async () => {
  const signals = new FakeSignals();
  let closed = 0;
  const start = () => {
    signals.send("SIGINT");
    return Promise.resolve(running(() => Promise.resolve(void closed++)));
  };
  assertEquals([await runUntilSignal(start, { signals }), closed], [0, 1]);
});

Deno.test("it ends when what it waits for is over, and says what went wrong in the start", async () => {
  const signals = new FakeSignals();
  assertEquals(await runUntilSignal(() => Promise.resolve(running()), { signals, until: Promise.resolve() }), 0);
  await assertRejects(() => runUntilSignal(() => Promise.reject(new Error("port taken")), { signals }), Error, "taken");
  assertEquals(signals.listeners.size, 0);
});

Deno.test("when nobody reads what it announces, it closes all the same", async () => {
  const signals = new FakeSignals();
  let closed = 0;
  const start = () => Promise.resolve(running(() => Promise.resolve(void closed++)));
  const onReady = () => {
    throw new Error("output closed");
  };
  await assertRejects(() => runUntilSignal(start, { signals, onReady }), Error, "output closed");
  assertEquals(closed, 1);
});
