import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../base/mod.ts";
import { ContainerPhase, generationOf, hasRoom, inFlightOf, limitOf, packClaim, phaseOf, withPhase } from "./claim.ts";
import { NO_CLAIM } from "./containers.ts";
import { dropContainer, smallTables, warmContainer } from "./testing.ts";

Deno.test("a claim word holds its four parts apart and is never negative", () => {
  const claim = packClaim(255, 255, ContainerPhase.removing, 0x1fff);
  assert(claim > 0);
  assertEquals([inFlightOf(claim), limitOf(claim), phaseOf(claim), generationOf(claim)], [255, 255, 4, 0xfff]);
  const warm = withPhase(packClaim(3, 4, ContainerPhase.starting, 9), ContainerPhase.warm);
  assertEquals([inFlightOf(warm), limitOf(warm), phaseOf(warm), generationOf(warm)], [3, 4, 2, 9]);
  assert(hasRoom(warm) && !hasRoom(warm + 1));
});

Deno.test("a container is granted up to its limit, and only once it is warm", () => {
  const { containers } = smallTables();
  containers.begin(5, 0, 0, 100);
  assertEquals(containers.claim(5, 0), NO_CLAIM);
  containers.publish(5, 0, 2, 0, { fresh: true, inFlight: 0 });
  assertEquals([containers.claim(5, 0), containers.claim(5, 0)].map(inFlightOf), [1, 2]);
  assertEquals(containers.claim(5, 0), NO_CLAIM);
  assertEquals(containers.claim(5, 1), NO_CLAIM, "another function's container is none");
});

Deno.test("a retired or draining container is never granted", () => {
  const { containers } = smallTables();
  for (const slot of [1, 2]) {
    containers.begin(slot, 0, 0, 100);
    containers.publish(slot, slot, 2, 0, { fresh: true, inFlight: 0 });
  }
  assert(containers.retire(1));
  assertEquals(containers.claim(1, 0), NO_CLAIM);
  containers.claim(2, 0);
  assert(!containers.retire(2), "something is in flight");
  assertEquals(containers.drain(2), ContainerPhase.draining);
  assertEquals(containers.claim(2, 0), NO_CLAIM);
  containers.unclaim(2, 10);
  assertEquals(containers.drain(2), ContainerPhase.removing);
});

Deno.test("only the first grant after a cold start is a cold one", () => {
  const { containers } = smallTables();
  containers.begin(0, 0, 0, 1);
  containers.publish(0, 0, 1, 0, { fresh: true, inFlight: 0 });
  assertEquals([containers.takeFresh(0), containers.takeFresh(0)], [true, false]);
});

Deno.test("a slot serves one container after the other, each with a generation of its own", () => {
  const tables = smallTables();
  const { containers } = tables;
  let before = -1;
  for (let life = 0; life < 5_000; life++) {
    warmContainer(tables, 3, life % 2);
    assert(containers.generation(3) > before);
    before = containers.generation(3);
    assertEquals(containers.claim(3, (life + 1) % 2), NO_CLAIM);
    assert(containers.retire(3));
    dropContainer(tables, 3);
  }
  tables.checkInvariants();
});

Deno.test("what no caller may do is told as a bug", () => {
  const tables = smallTables();
  const { containers } = tables;
  warmContainer(tables, 0, 0);
  assertThrows(() => containers.begin(0, 0, 0, 1), AssertionError, "is taken");
  assertThrows(() => containers.unclaim(0, 0), AssertionError, "released more often");
  const other = smallTables();
  warmContainer(other, 0, 0);
  assertThrows(() => other.containers.end(0), AssertionError, "still warm");
  other.containers.begin(1, 0, 0, 1);
  assertThrows(
    () => other.containers.publish(1, 0, 256, 0, { fresh: true, inFlight: 0 }),
    AssertionError,
    "limit",
  );
});

Deno.test("a limit that is raised gives room at once, and what runs beyond a lowered one goes on", () => {
  const { containers, functions, queue } = smallTables();
  containers.begin(5, 0, 0, 100);
  assert(!containers.setLimit(5, 2), "it is not warm yet");
  const rank = functions.addRank(0, 5);
  containers.publish(5, rank, 1, 0, { fresh: true, inFlight: 0 });
  assertEquals(inFlightOf(containers.claim(5, 0)), 1);
  assertEquals(containers.claim(5, 0), NO_CLAIM);
  assert(containers.setLimit(5, 3));
  functions.offer(0, rank);
  assertEquals([functions.claim(0), functions.claim(0), functions.claim(0)], [5, 5, -1]);
  assert(!containers.setLimit(5, 2));
  assertEquals([containers.inFlight(5), containers.limit(5)], [3, 2]);
  queue.putBack(0, 5, 0);
  assertEquals(functions.claim(0), -1);
  queue.putBack(0, 5, 0);
  assertEquals(functions.claim(0), 5, "below its limit it is offered again");
  functions.checkInvariants();
});
