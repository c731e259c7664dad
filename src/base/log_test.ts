import { assertEquals } from "@std/assert";
import { ManualClock } from "./clock.ts";
import { Log, type LogLevel } from "./log.ts";

function logging(level: LogLevel = "info") {
  const clock = new ManualClock(0);
  const lines: string[] = [];
  const log = new Log({ service: "test", level, write: (line) => lines.push(line), clock });
  return { clock, log, lines, parsed: () => lines.map((line) => JSON.parse(line)) };
}

Deno.test("a line is one JSON object with time, level, service, text and fields, whatever is in them", () => {
  const { log, lines } = logging();
  log.info("a node was reserved", { node: 'n"1\n', memory_bytes: 5, spare: undefined });
  assertEquals(lines, [
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","service":"test","text":"a node was reserved",' +
    '"node":"n\\"1\\n","memory_bytes":5}\n',
  ]);
});

Deno.test("lines below the level are not written", () => {
  const { log, parsed } = logging("warn");
  log.debug("1");
  log.info("2");
  log.warn("3");
  log.error("4");
  assertEquals(parsed().map((line) => line.text), ["3", "4"]);
});

Deno.test("of one kind five lines a second are written; how many were left out is told by the next", async () => {
  const { log, clock, parsed } = logging();
  for (let i = 0; i < 12; i++) log.warn("again");
  log.warn("another kind");
  assertEquals(parsed().length, 6);
  await clock.advance(1_000);
  log.warn("again");
  log.warn("again");
  assertEquals(parsed().slice(6).map((line) => line.suppressed), [7, undefined]);
});
