import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { NodePhase } from "./nodes.ts";
import { classOf } from "./placement.ts";
import { SMALL_CAPACITY } from "./testing.ts";
import { Tables } from "./tables.ts";

function nodesWith(...freeKiB: number[]): Tables {
  const tables = new Tables({ ...SMALL_CAPACITY, nodes: Math.max(1, freeKiB.length) });
  freeKiB.forEach((kib, slot) => {
    tables.nodes.join(slot, kib, 0);
    tables.nodes.open(slot);
  });
  return tables;
}

Deno.test("sizes fall into quarter octaves, in order", () => {
  let before = 0;
  for (let kib = 0; kib < 5_000; kib++) {
    assert(classOf(kib) >= before && classOf(kib) < 120, `class of ${kib}`);
    before = classOf(kib);
  }
  assertEquals([1024, 1279, 1280, 1535, 1536, 2047].map((kib) => classOf(kib) - classOf(1024)), [0, 0, 1, 1, 2, 3]);
  assertEquals(classOf(2 ** 30 - 1), 119);
});

Deno.test("of all nodes that fit some are told, the fullest first to within a class, and no other", () => {
  const memory = fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(memory, fc.nat(9_000), fc.integer({ min: 1, max: 10 }), (freeKiB, kib, most) => {
    const found = nodesWith(...freeKiB).placement.fullest(kib, most);
    const fitting = freeKiB.filter((free) => free >= kib).map(classOf).sort((a, b) => a - b);
    assertEquals(new Set(found).size, found.length);
    assert(found.every((node) => freeKiB[node] >= kib));
    assertEquals(found.map((node) => classOf(freeKiB[node])), fitting.slice(0, most));
  }));
});

Deno.test("the fullest node that fits is found, to within a class: load is packed, empty nodes stay empty", () => {
  const tables = nodesWith(8_000, 3_000, 900, 3_000);
  assertEquals(tables.placement.find(1_000), 1);
  assertEquals(tables.placement.find(800), 2);
  assertEquals(tables.placement.find(4_000), 0);
  assertEquals(tables.placement.find(8_001), -1);
});

Deno.test("a node with just enough room is found behind any number of nodes with a little less", () => {
  const tables = nodesWith(...Array<number>(70).fill(1_030), 1_100);
  assertEquals(tables.placement.find(1_090), 70);
});

Deno.test("a node that takes no containers is not found, and is again once it does", () => {
  const tables = nodesWith(1_000);
  tables.nodes.shut(0, NodePhase.joining);
  assertEquals(tables.placement.find(10), -1);
  tables.nodes.open(0);
  assertEquals(tables.placement.find(10), 0);
});

Deno.test("more memory than any node can have fits nowhere", () => {
  const tables = nodesWith(1_000);
  for (const kib of [2 ** 30, 2 ** 31, 2 ** 32 + 100, 2 ** 43]) assertEquals(tables.placement.find(kib), -1);
});

const node = fc.nat({ max: 39 });
const kib = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 900, max: 1_300 }));
const operation = fc.oneof(
  fc.record({ do: fc.constant("join" as const), node, kib }),
  fc.record({ do: fc.constant("reserve" as const), node, kib }),
  fc.record({ do: fc.constant("place" as const), node, kib }),
  fc.record({ do: fc.constant("release" as const), node, kib }),
  fc.record({ do: fc.constant("resize" as const), node, kib }),
  fc.record({ do: fc.constant("shut" as const), node, kib }),
  fc.record({ do: fc.constant("open" as const), node, kib }),
  fc.record({ do: fc.constant("recycle" as const), node, kib }),
);

Deno.test("nodes and placement do as a plain model does, whatever the order of operations", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120, size: "max" }), (operations) => {
      const { nodes, placement } = new Tables(SMALL_CAPACITY);
      const model = new Map<number, { capacity: number; held: number[]; open: boolean }>();
      const free = (n: { capacity: number; held: number[] }) => n.capacity - n.held.reduce((a, b) => a + b, 0);
      for (const { do: what, node, kib } of operations) {
        const there = model.get(node);
        switch (what) {
          case "join":
            if (there) break;
            nodes.join(node, kib * 4, 0);
            nodes.open(node);
            model.set(node, { capacity: kib * 4, held: [], open: true });
            break;
          case "reserve": {
            const fits = there !== undefined && there.open && free(there) >= kib;
            assertEquals(nodes.reserve(node, kib), fits);
            if (fits) there.held.push(kib);
            break;
          }
          case "place": {
            const found = placement.find(kib);
            const wanted = [...model.values()].some((n) => n.open && free(n) >= kib);
            assertEquals(found >= 0, wanted, `find(${kib})`);
            if (found < 0) break;
            assert(nodes.reserve(found, kib), `found node ${found} does not fit`);
            model.get(found)!.held.push(kib);
            break;
          }
          case "release": {
            const held = there?.held.pop();
            if (held !== undefined) nodes.release(node, held);
            break;
          }
          case "resize":
            if (!there) break;
            there.capacity = Math.max(kib * 3, there.capacity - free(there));
            assertEquals(nodes.resize(node, kib * 3), there.capacity);
            break;
          case "shut": {
            if (!there) break;
            const empty = there.open && there.held.length === 0;
            assertEquals(nodes.shutIfEmpty(node), empty);
            nodes.shut(node, NodePhase.draining);
            there.open = false;
            break;
          }
          case "open":
            if (!there) break;
            nodes.open(node);
            there.open = true;
            break;
          case "recycle":
            if (!there || there.open || there.held.length > 0) break;
            nodes.recycle(node);
            model.delete(node);
        }
        for (let slot = 0; slot < 40; slot++) {
          const there = model.get(slot);
          assertEquals(nodes.phase(slot) !== NodePhase.free, there !== undefined);
          if (!there) continue;
          assertEquals([nodes.freeKiB(slot), nodes.capacityKiB(slot)], [free(there), there.capacity]);
          assertEquals(nodes.mayPlace(slot), there.open);
        }
        assertEquals(nodes.takingContainers, [...model.values()].filter(({ open }) => open).length);
      }
    }),
    { numRuns: 300 },
  );
});
