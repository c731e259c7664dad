import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../base/mod.ts";
import { CHUNK_RANKS, RANKS_PER_FUNCTION } from "./layout.ts";
import { dropContainer, smallTables, warmContainer } from "./testing.ts";

Deno.test("the lowest rank with room is claimed: load packs on the old containers, the young fall idle", () => {
  const tables = smallTables();
  for (const slot of [9, 4, 7]) warmContainer(tables, slot, 0, 2);
  const claimed = Array.from({ length: 7 }, () => tables.functions.claim(0));
  assertEquals(claimed, [9, 9, 4, 4, 7, 7, -1]);
  tables.queue.putBack(0, 4, 0);
  tables.queue.putBack(0, 9, 0);
  assertEquals([tables.functions.claim(0), tables.functions.claim(0)], [9, 4]);
});

Deno.test("a rank is given again after its container is gone", () => {
  const tables = smallTables();
  assertEquals([1, 2, 3].map((slot) => warmContainer(tables, slot, 0)), [0, 1, 2]);
  tables.containers.retire(2);
  dropContainer(tables, 2);
  assertEquals(warmContainer(tables, 8, 0), 1);
  tables.checkInvariants();
});

Deno.test("more containers than one chunk holds are found all the same", () => {
  const count = CHUNK_RANKS * 3 + 5;
  const tables = smallTables({ containers: 200 });
  for (let slot = 0; slot < count; slot++) warmContainer(tables, slot, 1);
  for (let slot = 0; slot < count; slot++) assertEquals(tables.functions.claim(1), slot);
  assertEquals(tables.functions.claim(1), -1);
  tables.queue.putBack(1, count - 1, 0);
  tables.functions.checkInvariants();
  assertEquals(tables.functions.claim(1), count - 1);
});

Deno.test("a function has so many ranks and no more, and it is known before a container is started", () => {
  const tables = smallTables({ containers: RANKS_PER_FUNCTION + 1 });
  for (let slot = 0; slot < RANKS_PER_FUNCTION; slot++) {
    assert(tables.functions.hasFreeRank(0));
    warmContainer(tables, slot, 0);
  }
  assert(!tables.functions.hasFreeRank(0));
  assertEquals(tables.functions.addRank(0, RANKS_PER_FUNCTION), -1);
});

Deno.test("a function is forgotten without containers and waiters only, and leaves nothing to its successor", () => {
  const tables = smallTables();
  warmContainer(tables, 0, 0);
  assertThrows(() => tables.functions.forget(0), AssertionError, "still has containers");
  tables.containers.retire(0);
  dropContainer(tables, 0);
  tables.functions.forget(0);
  assertEquals(tables.functions.claim(0), -1);
  tables.functions.define(0);
  tables.queue.reset(0);
  assertEquals(tables.functions.claim(0), -1);
  tables.checkInvariants();
});
