import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Hash64, hashText } from "./hash.ts";
import { LeaseState } from "./leases.ts";
import { SMALL_CAPACITY } from "./testing.ts";
import { Tables } from "./tables.ts";

const hashOf = (id: string): Hash64 => hashText(id, { lo: 0, hi: 0 });
const leasesOf = (leases = 16) => new Tables({ ...SMALL_CAPACITY, leases }).leases;

Deno.test("a lease is acquiring, live, ending and gone; an id has one at a time", () => {
  const leases = leasesOf();
  const id = hashOf("a");
  assertEquals(leases.insert(id), "inserted");
  const lease = leases.found;
  assertEquals(leases.find(id), -1, "an acquire under way is no lease yet");
  assertEquals(leases.insert(id), "busy");
  leases.publish(lease, 7, 3, 1_000);
  assertEquals([leases.find(id), leases.containerSlot(lease), leases.containerGeneration(lease)], [lease, 7, 3]);
  assertEquals(leases.insert(id), "live");
  assertEquals(leases.found, lease);
  assert(leases.beginEnd(lease));
  assert(!leases.beginEnd(lease), "only one ends it");
  assertEquals(leases.insert(id), "busy");
  leases.end(lease);
  assertEquals([leases.find(id), leases.countLive()], [-1, 0]);
});

Deno.test("an entry that was freed and taken again is another life of it", () => {
  const leases = leasesOf();
  leases.insert(hashOf("a"));
  const entry = leases.found, life = leases.generation(entry);
  leases.abandon(entry);
  for (let i = 0; i < 20; i++) {
    if (leases.insert(hashOf(`b${i}`)) !== "inserted") continue;
    if (leases.found === entry) assert(leases.generation(entry) !== life);
  }
});

Deno.test("both buckets full is told, and nothing else is touched", () => {
  const leases = leasesOf();
  const inserted = new Map<string, number>();
  let full = 0;
  for (let i = 0; i < 40; i++) {
    if (leases.insert(hashOf(`id${i}`)) === "inserted") {
      inserted.set(`id${i}`, leases.found);
      leases.publish(leases.found, i, 1, 0);
    } else full++;
  }
  assertEquals([inserted.size, full], [16, 24]);
  for (const [id, index] of inserted) assertEquals(leases.find(hashOf(id)), index);
});

Deno.test("leases whose deadline is over are found, past the wrap of the millisecond word", () => {
  const leases = leasesOf();
  const at = 2 ** 31 - 5;
  leases.insert(hashOf("a"));
  const early = leases.found;
  leases.publish(early, 0, 0, at);
  leases.insert(hashOf("b"));
  leases.publish(leases.found, 0, 0, at + 100);
  const expired: number[] = [];
  leases.eachExpired(0, 16, at + 50, (lease) => expired.push(lease));
  assertEquals(expired, [early]);
});

Deno.test("at the load it is made for, a table of two choices has place: 3 of 4 entries taken, none refused", () => {
  const leases = leasesOf(4_096);
  for (let i = 0; i < 3_072; i++) {
    assertEquals(leases.insert(hashOf(`request-${i}`)), "inserted");
    leases.publish(leases.found, 0, 0, 0);
  }
});

const id = fc.nat({ max: 24 });
const operation = fc.tuple(
  fc.constantFrom<"insert" | "publish" | "abandon" | "begin" | "end">(
    "insert",
    "insert",
    "publish",
    "abandon",
    "begin",
    "end",
  ),
  id,
);

Deno.test("leases do as a plain map does, in a table so small that its buckets fill", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200, size: "max" }), (operations) => {
      const leases = leasesOf();
      const model = new Map<number, { index: number; state: LeaseState }>();
      for (const [what, id] of operations) {
        const hash = hashOf(`request ${id}`);
        const there = model.get(id);
        switch (what) {
          case "insert": {
            const result = leases.insert(hash);
            if (there) assertEquals(result, there.state === LeaseState.live ? "live" : "busy");
            else if (result === "full") assert(model.size >= 8, "a bucket has 8 entries");
            else {
              assertEquals(result, "inserted");
              model.set(id, { index: leases.found, state: LeaseState.acquiring });
            }
            if (there) assertEquals(leases.found, there.index);
            break;
          }
          case "publish":
            if (there?.state !== LeaseState.acquiring) break;
            leases.publish(there.index, id, 1, 0);
            there.state = LeaseState.live;
            break;
          case "abandon":
            if (there?.state !== LeaseState.acquiring) break;
            leases.abandon(there.index);
            model.delete(id);
            break;
          case "begin":
            if (!there) break;
            assertEquals(leases.beginEnd(there.index), there.state === LeaseState.live);
            if (there.state === LeaseState.live) there.state = LeaseState.ending;
            break;
          case "end":
            if (there?.state !== LeaseState.ending) break;
            leases.end(there.index);
            model.delete(id);
        }
        leases.checkInvariants();
        for (let id = 0; id <= 24; id++) {
          const there = model.get(id);
          const found = leases.find(hashOf(`request ${id}`));
          assertEquals(found, there?.state === LeaseState.live ? there.index : -1);
          if (found >= 0) assertEquals(leases.containerSlot(found), id);
        }
      }
    }),
    { numRuns: 300 },
  );
});
