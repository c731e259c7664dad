import { assertEquals } from "@std/assert";
import { Outcome } from "./decisions.ts";
import { hashText } from "./hash.ts";
import { smallTables } from "./testing.ts";

const hashOf = (id: string) => hashText(id, { lo: 0, hi: 0 });

Deno.test("a decision is found by its request id, with all that was noted", () => {
  const { decisions } = smallTables();
  decisions.record(hashOf("a"), 1, Outcome.coldStart, 7, 3, 2, 5, 1_234, 99, 0b101);
  assertEquals(decisions.find(hashOf("a")), [{
    functionSlot: 1,
    outcome: Outcome.coldStart,
    containerSlot: 7,
    containerGeneration: 3,
    nodeSlot: 2,
    waitingBefore: 5,
    waitedMicros: 1_234,
    atMs: 99,
    ranksWithRoom: 0b101,
  }]);
  assertEquals(decisions.find(hashOf("b")), []);
});

Deno.test("the oldest decisions make room for new ones", () => {
  const { decisions } = smallTables({ decisions: 4 });
  for (const id of ["a", "b", "c", "d", "e"]) decisions.record(hashOf(id), 0, Outcome.warm, 0, 0, 0, 0, 0, 0, 0);
  assertEquals(decisions.find(hashOf("a")).length, 0);
  assertEquals(["b", "c", "d", "e"].map((id) => decisions.find(hashOf(id)).length), [1, 1, 1, 1]);
});
