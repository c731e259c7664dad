import { assertEquals } from "@std/assert";
import { ClosedStreams } from "./closed_streams.ts";

Deno.test("closed streams: how each of the last ones ended, and that numbers were skipped", () => {
  const closed = new ClosedStreams();
  assertEquals(closed.endingOf(1, 1), "unused");
  closed.remember(1, "ended");
  closed.remember(3, "reset by the peer");
  closed.remember(7, "reset by us");
  assertEquals([1, 3, 5, 7].map((id) => closed.endingOf(id, 7)), [
    ...["ended", "reset by the peer", "unused", "reset by us"],
  ]);
});

Deno.test("closed streams: what is long over is forgotten, and told from what never was", () => {
  const closed = new ClosedStreams();
  for (let id = 1; id < 6000; id += 2) closed.remember(id, "ended");
  const lastId = 5999;
  assertEquals([lastId - 2046, lastId - 2048, 1].map((id) => closed.endingOf(id, lastId)), [
    ...["ended", "forgotten", "forgotten"],
  ]);
});

Deno.test("closed streams: one that was open for very long leaves the memory of later ones alone", () => {
  const closed = new ClosedStreams();
  for (let id = 3; id <= 2049; id += 2) closed.remember(id, "reset by us");
  closed.remember(1, "ended");
  assertEquals(closed.endingOf(2049, 2049), "reset by us");
  assertEquals(closed.endingOf(1, 2049), "forgotten");
});

Deno.test("closed streams: the highest numbers of all are told apart", () => {
  const closed = new ClosedStreams();
  const lastId = 2 ** 31 - 1;
  closed.remember(lastId, "reset by us");
  assertEquals([lastId, lastId - 2].map((id) => closed.endingOf(id, lastId)), ["reset by us", "unused"]);
});
