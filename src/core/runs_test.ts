import { assert, assertEquals } from "@std/assert";
import { runOf } from "./runs.ts";
import { smallTables } from "./testing.ts";

function endedTables(decisions: number) {
  const { runs } = smallTables({ decisions });
  const reader = runs.reader();
  const read = () => {
    const found: number[] = [];
    reader.read((record) => found.push(runOf(record).atMs));
    return found;
  };
  const end = (...atMs: number[]) => atMs.forEach((ms) => runs.record(0, 0, 1, 5, 5, "", 1, ms));
  return { runs, reader, read, end };
}

Deno.test("a run is read with all that was noted", () => {
  const { runs } = smallTables();
  const reader = runs.reader();
  runs.record(1, 7, 3, 1_234.5, 99.9, "out_of_memory", 4, 55);
  runs.record(1, 7, 3, 1e12, 1, "", 4, 56);
  const found: unknown[] = [];
  reader.read((record) => found.push(runOf(record)));
  const run = { functionSlot: 1, containerSlot: 7, containerGeneration: 3, inFlight: 4 };
  assertEquals(found, [
    { ...run, micros: 1_234, kib: 99, failure: "out_of_memory", atMs: 55 },
    { ...run, micros: 0x7fffffff, kib: 1, failure: undefined, atMs: 56 },
  ]);
});

Deno.test("every run is read once, in order, lap after lap", () => {
  const { reader, read, end } = endedTables(4);
  assertEquals(read(), []);
  for (let lap = 0; lap < 10; lap++) {
    end(lap, lap + 100, lap + 200);
    assertEquals(read(), [lap, lap + 100, lap + 200]);
    assertEquals(read(), []);
  }
  assertEquals(reader.missed, 0);
});

Deno.test("a reader that was left behind by more than a lap goes on with what is there, and counts the rest", () => {
  const { reader, read, end } = endedTables(8);
  end(...Array.from({ length: 100 }, (_, i) => i));
  const found = read();
  assertEquals(found, Array.from(found, (_, i) => 100 - found.length + i));
  assert(found.length > 0);
  assertEquals(reader.missed + found.length, 100);
  end(100);
  assertEquals(read(), [100]);
});
