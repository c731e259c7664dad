import { assert, assertEquals } from "@std/assert";
import { floorsOf, metricsOf, type RunResult, WEIGHTS_EVEN } from "../score/mod.ts";
import { handRun } from "../score/testing.ts";
import { busiestView } from "./charts/gantt_chart.ts";
import { compare } from "./comparison.ts";
import { reportPage } from "./page.ts";
import { handComparison } from "./testing.ts";

/** Names of elements that are open at the end or closed without having been opened. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  const VOID = new Set(["meta", "!doctype"]);
  for (const [, slash, name, rest] of page.matchAll(/<(\/?)([a-z!][a-z0-9]*)([^>]*)>/g)) {
    if (VOID.has(name) || rest.endsWith("/")) continue;
    if (slash === "") open.push(name);
    else if (open.pop() !== name) wrong.push(name);
  }
  return [...wrong, ...open];
}

function pageOf(results: readonly RunResult[]): string {
  const runs = results.map(metricsOf);
  const floors = floorsOf(results[0].workload);
  const seeds = [{ seed: 1, baseline: runs[0], floors, runs }];
  return reportPage(compare(results[0].workload, seeds, WEIGHTS_EVEN), results);
}

Deno.test("the page is one whole document that needs nothing else", () => {
  const { comparison, results } = handComparison();
  const page = reportPage(comparison, results);
  assertEquals(unbalanced(page), []);
  for (const foreign of ["<script", "http:", "https:", "url(", "@import", "<link", "<img"]) {
    assert(!page.includes(foreign), `the page has ${foreign}`);
  }
  assert(!/NaN|Infinity|undefined/.test(page), page.match(/.{80}(NaN|Infinity|undefined).{40}/)?.[0]);
  assert(page.includes("prefers-color-scheme: dark"));
});

Deno.test("it tells the score of each policy, the best one standing out, and the floor", () => {
  const { comparison, results } = handComparison();
  const page = reportPage(comparison, results);
  const [slow, quick] = comparison.policies;
  assert(page.includes(`slow</td><td>${slow.score.toFixed(3)}</td>`));
  assert(page.includes(`quick</td><td class="best">${quick.score.toFixed(3)}</td>`));
  assert(page.includes(`floor</td><td>${comparison.floor.score.toFixed(3)}</td>`));
});

Deno.test("it shows both functions that are called, and each policy's containers", () => {
  const { comparison, results } = handComparison();
  const page = reportPage(comparison, results);
  assert(page.includes("f1, quick: × 0.457; 800 ms a call, of which 300 ms waiting"));
  assert(!page.includes("f3, quick"));
  assertEquals(page.match(/f1, 256 MiB, from 1 s to 20 s; started in 600 ms/g)?.length, 2);
  assert(page.includes("quick: node 1 of 1, from 0 ms"));
});

Deno.test("names from files cannot break out of it", () => {
  const run = handRun({ policy: "a", memoriesMiB: [128], calls: [{ fn: 0, atMs: 0, executionMs: 5 }], endMs: 10 });
  const name = `</title><script>alert("x")</script>`;
  const functions = [{ ...run.workload.functions[0], label: name }];
  const page = pageOf([{ ...run, policy: name, workload: { ...run.workload, name, functions } }]);
  assert(!page.includes("<script"));
  assertEquals(unbalanced(page), []);
});

Deno.test("runs without calls, nodes or containers, and with very many functions, have a page too", () => {
  const empty = pageOf([handRun({ memoriesMiB: [128], calls: [], endMs: 0 })]);
  assertEquals([unbalanced(empty), /NaN/.test(empty)], [[], false]);
  assert(empty.includes("It held no node."));
  const calls = Array.from({ length: 500 }, (_, i) => ({ fn: i % 100, atMs: i, executionMs: 1 + i % 7 }));
  const many = pageOf([handRun({ memoriesMiB: new Array(100).fill(128), calls, endMs: 1_000 })]);
  assertEquals(unbalanced(many), []);
  assert(many.includes("The 40 functions with most calls."));
});

Deno.test("the minute to look at is the one with most to see", () => {
  const result = handRun({
    memoriesMiB: [128, 128],
    endMs: 300_000,
    calls: [{ fn: 0, atMs: 10, executionMs: 5, container: 0 }],
    nodes: [{}, {}],
    containers: [
      { node: 0, createdMs: 0 },
      { node: 1, createdMs: 130_000, removedMs: 150_000 },
      { node: 1, functionIndex: 1, createdMs: 140_000, removedMs: 160_000 },
    ],
  });
  assertEquals(busiestView(result), { node: 1, fromMs: 120_000, toMs: 180_000 });
});
