import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OpenStreams } from "./open_streams.ts";
import type { Http2Stream } from "./stream.ts";

const stream = (id: number) => ({ id }) as Http2Stream;

Deno.test("open streams are found by their numbers as in a map, whatever opens and ends in whatever order", () => {
  const step = fc.record({ ends: fc.boolean(), pick: fc.nat(), skip: fc.nat({ max: 300 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const open = new OpenStreams(), model = new Map<number, Http2Stream>();
      let nextId = 1;
      for (const { ends, pick, skip } of steps) {
        if (ends && model.size > 0) {
          const id = [...model.keys()][pick % model.size];
          open.delete(id);
          model.delete(id);
          assertEquals(open.get(id), undefined);
        } else {
          const added = stream(nextId);
          nextId += 2 * (1 + skip);
          open.add(added);
          model.set(added.id, added);
        }
        assertEquals(open.size, model.size);
      }
      for (const [id, one] of model) assertEquals(open.get(id), one);
      assertEquals(open.all().map(({ id }) => id).sort(), [...model.keys()].sort());
    }),
    { seed: Number(Deno.env.get("SEED") ?? 1) },
  );
});

Deno.test("a stream that stays open while thousands come and go keeps its place", () => {
  const open = new OpenStreams();
  open.add(stream(1));
  for (let id = 3; id < 100_000; id += 2) {
    open.add(stream(id));
    assertEquals(open.get(1)?.id, 1);
    open.delete(id);
  }
  assertEquals([open.size, open.get(3)], [1, undefined]);
  open.delete(5);
  assertEquals(open.size, 1, "one that is not open is no matter");
  assertThrows(() => open.add(stream(1)), Error, "stream 1 is opened twice");
  open.clear();
  assertEquals([open.size, open.get(1), open.all()], [0, undefined, []]);
});

Deno.test("more streams than there are slots at most are still all found", () => {
  const open = new OpenStreams();
  for (let id = 1; id < 40_000; id += 2) open.add(stream(id));
  for (let id = 1; id < 40_000; id += 2) assertEquals(open.get(id)?.id, id);
  assertEquals([open.size, open.all().length], [20_000, 20_000]);
});
