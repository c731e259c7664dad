import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MIB } from "../../../base/mod.ts";
import { ProcessorModel, quotaCores } from "./model.ts";

/** When each job is done, all begun at 0. */
function run(cores: number, jobs: { group: string; quota: number; workMs: number }[]): number[] {
  const model = new ProcessorModel(cores);
  jobs.forEach((job, id) => model.add({ id, ...job }, 0));
  const doneMs: number[] = [];
  for (let next = model.nextDoneMs(); next < Infinity; next = model.nextDoneMs()) {
    for (const id of model.advance(next)) doneMs[id] = next;
  }
  return doneMs;
}

Deno.test("26 core-milliseconds take 155 ms in a container of 256 MiB, and k at once take k times as long", () => {
  const job = { group: "c", quota: quotaCores(256 * MIB), workMs: 26 };
  assertAlmostEquals(run(2, [job])[0], 155.2, 0.1);
  for (const done of run(2, Array(4).fill(job))) assertAlmostEquals(done, 4 * 155.2, 0.5);
});

Deno.test("neighbours slow one another down only past the processors' sum", () => {
  const job = (group: string) => ({ group, quota: 0.5, workMs: 100 });
  assertEquals(run(2, ["a", "b", "c", "d"].map(job)), [200, 200, 200, 200]);
  assertEquals(run(2, ["a", "b", "c", "d", "e", "f", "g", "h"].map(job)), Array(8).fill(400));
});

Deno.test("who wants little gets it; the others share the rest", () => {
  const done = run(2, [
    { group: "small", quota: 0.2, workMs: 20 },
    { group: "a", quota: 1, workMs: 90 },
    { group: "b", quota: 1, workMs: 90 },
    { group: "c", quota: 1, workMs: 90 },
  ]);
  // 0.2 for the small one, 0.6 for each of the others while it runs, then two thirds.
  assertEquals(done[0], 100);
  for (const other of done.slice(1)) assertAlmostEquals(other, 100 + 30 / (2 / 3), 1e-6);
});

Deno.test("one job uses one processor at most, whatever its quota", () => {
  assertEquals(run(4, [{ group: "a", quota: 3, workMs: 100 }]), [100]);
});

Deno.test("work is kept: no job is faster than its quota, and all together use no more than there is", () => {
  const jobs = fc.array(
    fc.record({
      group: fc.constantFrom("a", "b", "c", "d"),
      quota: fc.constant(0.4),
      workMs: fc.double({ min: 0.1, max: 500, noNaN: true }),
    }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(fc.property(jobs, fc.constantFrom(0.5, 1, 2), (jobs, cores) => {
    const doneMs = run(cores, jobs);
    assertEquals(doneMs.filter((ms) => ms !== undefined).length, jobs.length);
    jobs.forEach((job, id) => assert(doneMs[id] >= job.workMs / 0.4 - 1e-3));
    const work = jobs.reduce((sum, job) => sum + job.workMs, 0);
    assert(Math.max(...doneMs) >= work / cores - 1e-3);
  }));
});
