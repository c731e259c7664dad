import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Outcome } from "../../core/mod.ts";
import { LiveScore, type Scored } from "./live_score.ts";
import { quantileMs, Times } from "./times.ts";
import { CONTAINER_STATES } from "./view.ts";

const rest = { policy: "test", seconds: 0, missed: 0 };
const SLOTS = 3;

/** One thing that happens; what it means stands in the model below, all of it kept, nothing summed. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant("decided" as const),
    slot: fc.nat(SLOTS - 1),
    outcome: fc.constantFrom(...Object.values(Outcome)),
    ms: fc.nat(70_000),
  }),
  fc.record({
    kind: fc.constant("ended" as const),
    slot: fc.nat(SLOTS - 1),
    ms: fc.nat(70_000),
    failure: fc.constantFrom(undefined, "crash" as const, "timeout" as const),
  }),
  fc.record({
    kind: fc.constant("held" as const),
    slot: fc.nat(SLOTS - 1),
    state: fc.constantFrom(...CONTAINER_STATES),
    ms: fc.nat(1_000),
    kib: fc.nat(1 << 20),
  }),
  fc.record({ kind: fc.constant("node" as const), ms: fc.nat(5_000) }),
  // Another function gets the slot.
  fc.record({ kind: fc.constant("forget" as const), slot: fc.nat(SLOTS - 1) }),
);

Deno.test("the live score's sums are those of every single thing it was told, whatever is forgotten meanwhile", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const score = new LiveScore();
    const functions: Scored[] = [];
    let made = 0;
    const make = (slot: number): Scored => {
      return functions[slot] = { slot, spec: { accountId: "a", functionName: `f${made++}` } };
    };
    for (let slot = 0; slot < SLOTS; slot++) make(slot);
    const told: { name: string; step: (typeof steps)[number] }[] = [];
    for (const one of steps) {
      const fn = "slot" in one ? functions[one.slot] : undefined;
      told.push({ name: fn?.spec.functionName ?? "", step: one });
      if (one.kind === "decided") score.decided(fn!, one.outcome, one.ms);
      else if (one.kind === "ended") score.ended(fn!, one.ms, one.failure);
      else if (one.kind === "held") score.held(fn!, one.state, one.ms, one.kib, 0.25);
      else if (one.kind === "node") score.nodeHeld(one.ms);
      else {
        score.forgotten(fn!);
        make(one.slot);
      }
    }
    const view = score.view(rest);
    const sum = (name: string | undefined, of: (one: (typeof steps)[number]) => number) => {
      return told.filter((one) => name === undefined || one.name === name).reduce((all, { step }) => all + of(step), 0);
    };
    const wait = (one: (typeof steps)[number]) => one.kind === "decided" ? one.ms : 0;
    const run = (one: (typeof steps)[number]) => one.kind === "ended" ? one.ms : 0;
    const idle = (one: (typeof steps)[number]) => one.kind === "held" && one.state === "idle" ? one.ms * one.kib : 0;
    const crashed = (one: (typeof steps)[number]) => one.kind === "ended" && one.failure === "crash" ? 1 : 0;
    for (const one of [...view.functions, { ...view.all, functionName: undefined }]) {
      const name = one.functionName;
      assertEquals(one.wait.sumMs, sum(name, wait));
      assertEquals(one.run.sumMs, sum(name, run));
      assertEquals(one.wait.buckets.reduce((a, b) => a + b), one.calls + one.refused + one.cancelled);
      assertEquals(one.failures.crash ?? 0, sum(name, crashed));
      assertAlmostEquals(one.containers.idle.gibSeconds, sum(name, idle) / (1 << 20) / 1_000, 1e-9);
    }
    assertEquals(view.all.cancelled, sum(undefined, (one) => Number(one.kind === "decided" && one.outcome === 4)));
    assertEquals(Math.round(view.nodeSeconds * 1_000), sum(undefined, (one) => one.kind === "node" ? one.ms : 0));
    const known = view.functions.reduce((all, one) => all + one.calls, view.forgotten.calls);
    assertEquals(known, view.all.calls);
    assert(view.functions.length <= SLOTS, "as many functions as there are slots");
  }));
});

Deno.test("what no function was charged for never goes back, though containers are read later than their node", () => {
  const score = new LiveScore();
  const fn = { slot: 0, spec: { accountId: "a", functionName: "f" } };
  score.nodeHeld(1_000);
  assertEquals(score.view(rest).unassignedNodeSeconds, 1);
  score.held(fn, "busy", 1_000, 1_024, 1);
  assertEquals(score.view(rest).unassignedNodeSeconds, 1);
});

Deno.test("quantiles come from buckets: exact at their bounds, evenly spread between", () => {
  const times = new Times();
  assertEquals(quantileMs(times, 0.99), 0);
  for (let i = 0; i < 90; i++) times.record(1);
  for (let i = 0; i < 10; i++) times.record(80);
  assertEquals([times.count, times.sumMs], [100, 890]);
  assertEquals(quantileMs(times, 0.9), 1);
  assertAlmostEquals(quantileMs(times, 0.95), 62.5, 1e-9);
  times.record(1e9);
  assertEquals(quantileMs(times, 1), 60_000);
});
