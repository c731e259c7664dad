import { assertEquals } from "@std/assert";
import { formatCount, formatMs, formatRatio } from "./format.ts";
import { escapeText, linear, logarithmic, ticks, timeTicks } from "./svg.ts";

Deno.test("times, counts and ratios as people read them", () => {
  const times = [0, 0.01, 0.44, 37.4, 999.4, 1_244, 61_000, 119_400, 1_223_000, 3_600_000, 11_100_000];
  assertEquals(times.map(formatMs), [
    ...["0 ms", "<0.1 ms", "0.4 ms", "37 ms", "999 ms", "1.24 s", "61 s", "119 s", "20m 23s", "60m", "3h 5m"],
  ]);
  assertEquals([0, 3, 1.26, 73_156, 22_650.4].map(formatCount), ["0", "3", "1.3", "73,156", "22,650"]);
  assertEquals([0.5514, 1, Infinity].map(formatRatio), ["0.551", "1.000", "∞"]);
});

Deno.test("ticks are round, and few", () => {
  assertEquals(ticks(20), [0, 5, 10, 15, 20]);
  assertEquals(ticks(1.08), [0, 0.5, 1]);
  assertEquals(ticks(0), [0]);
  assertEquals(timeTicks(1_223_000), [0, 300_000, 600_000, 900_000, 1_200_000]);
});

Deno.test("scales keep to the picture", () => {
  const x = linear(0, 10, 100, 200);
  assertEquals([x(0), x(5), x(10), x(99), x(-1)], [100, 150, 200, 200, 100]);
  const y = logarithmic(1, 100, 0, 200);
  assertEquals([y(0), y(10), y(1_000)].map(Math.round), [0, 100, 200]);
});

Deno.test("text is safe wherever it stands", () => {
  assertEquals(escapeText(`<a href="x">&'`), "&#60;a href=&#34;x&#34;&#62;&#38;&#39;");
});
