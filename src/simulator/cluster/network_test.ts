import { assert, assertEquals } from "@std/assert";
import { PlatformError, seededRandom } from "../../base/mod.ts";
import { VirtualClock } from "../engine/virtual_clock.ts";
import { DEFAULT_NETWORK, Network, type NetworkOptions } from "./network.ts";

const CALLS = 2_000;

interface Outcome {
  answers: number;
  errors: string[];
  /** How often each call was carried out, in the order of the first time. */
  done: Map<number, number>;
}

async function callMany(options: Partial<NetworkOptions>): Promise<Outcome & { clock: VirtualClock }> {
  const clock = new VirtualClock();
  const network = new Network(clock, seededRandom(1), { ...DEFAULT_NETWORK, ...options });
  const outcome: Outcome = { answers: 0, errors: [], done: new Map() };
  for (let i = 0; i < CALLS; i++) {
    network.call<number>({ timeoutMs: 1_000 }, (answer) => {
      outcome.done.set(i, (outcome.done.get(i) ?? 0) + 1);
      answer(i);
    }).then((answer) => {
      assertEquals(answer, i);
      outcome.answers++;
    }, (error: PlatformError) => outcome.errors.push(error.code));
  }
  await clock.run();
  return { ...outcome, clock };
}

Deno.test("a call takes about a millisecond there and back, and leaves no timer behind", async () => {
  const { answers, done, clock } = await callMany({});
  assertEquals([answers, done.size, clock.pending], [CALLS, CALLS, 0]);
  assert(clock.nowMs() > 1 && clock.nowMs() < 10, `the slowest took ${clock.nowMs()} ms`);
});

Deno.test("later messages overtake earlier ones", async () => {
  const order = [...(await callMany({ delayMsMore: 5 })).done.keys()];
  assert(order.some((call, i) => i > 0 && call < order[i - 1]));
});

Deno.test("a lost request is not carried out, a lost reply is; both are told as an error", async () => {
  const { answers, errors, done } = await callMany({ lossRate: 0.1 });
  assertEquals(answers + errors.length, CALLS);
  assert(Math.abs(CALLS - done.size - 200) < 60, `${CALLS - done.size} requests were lost`);
  assert(Math.abs(done.size - answers - 180) < 60, `${done.size - answers} replies were lost`);
  assertEquals(new Set(errors), new Set(["unavailable", "deadline_exceeded"]));
});

Deno.test("a doubled request is carried out twice and answered once", async () => {
  const { answers, done } = await callMany({ duplicateRate: 0.1 });
  assertEquals(answers, CALLS);
  const twice = [...done.values()].filter((times) => times === 2).length;
  assert(Math.abs(twice - 200) < 60, `${twice} were doubled`);
});

Deno.test("a caller that leaves hears no answer", async () => {
  const clock = new VirtualClock();
  const network = new Network(clock, seededRandom(1));
  const leaving = new AbortController();
  const reason = new PlatformError("cancelled", "left");
  const call = network.call<void>({ signal: leaving.signal, timeoutMs: 500 }, (answer) => {
    leaving.abort(reason);
    answer();
  });
  const [result] = await Promise.all([call.catch((error) => error), clock.run()]);
  assertEquals([result, clock.pending], [reason, 0]);
});
