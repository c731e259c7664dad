import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { table } from "./table.ts";
import { formatAge, formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

Deno.test("sizes", () => {
  const cases: [string, number | undefined][] = [
    ["0", 0],
    ["1024", 1024],
    ["100B", 100],
    ["512MiB", 512 * 2 ** 20],
    ["1.5GiB", 1.5 * 2 ** 30],
    ["1 KiB", 1024],
    ["1GB", undefined],
    ["1m", undefined],
    ["-1", undefined],
    ["0.3B", undefined],
    ["9999999999GiB", undefined],
    ["", undefined],
  ];
  for (const [text, bytes] of cases) assertEquals(parseSize(text), bytes, text);
  assertEquals([100, 2 ** 20, 1.5 * 2 ** 30, 1_300].map(formatSize), ["100B", "1MiB", "1.5GiB", "1.3KiB"]);
});

Deno.test("durations need a unit, but for 0", () => {
  const cases: [string, number | undefined][] = [
    ["0", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["1.5m", 90_000],
    ["2h", 7_200_000],
    ["30", undefined],
    ["0.5ms", undefined],
    ["-1s", undefined],
    ["1 s", undefined],
    ["", undefined],
  ];
  for (const [text, ms] of cases) assertEquals(parseDuration(text), ms, text);
});

Deno.test("a duration that is written is read as the same", () => {
  fc.assert(fc.property(fc.nat(2 ** 31 - 1), (ms) => assertEquals(parseDuration(formatDuration(ms)), ms)));
});

Deno.test("ages are told in one unit", () => {
  assertEquals([-5, 999, 61_000, 3_600_000, 90_000_000, 800_000_000].map(formatAge), [
    "0s",
    "0s",
    "1m",
    "1h",
    "25h",
    "9d",
  ]);
});

Deno.test("a table's columns stand under each other, numbers at the right", () => {
  const text = table(["NAME", "SIZE", "NOTE"], [["hello", "1MiB", ""], ["é", "128MiB", "x"]], ["SIZE"]);
  assertEquals(text, "NAME     SIZE  NOTE\nhello    1MiB\né      128MiB  x\n");
  assertEquals(table(["A", "B"], []), "A  B\n");
});
