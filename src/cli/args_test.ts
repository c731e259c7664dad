import { assertEquals, assertThrows } from "@std/assert";
import { parseArgs } from "./args.ts";
import { flag, optional } from "./flags.ts";
import { integer, list, onOff, text } from "./kinds.ts";
import { editDistance, nearest } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

const flags = {
  nodesMax: flag(integer("COUNT", 1, 9), 2, ""),
  follow: flag(onOff, false, "", { short: "f" }),
  allowNet: optional(list(text("HOST")), ""),
};
const parse = (...args: string[]) => {
  const { given, rest, help } = parseArgs(args, flags, "demo");
  return { given: Object.fromEntries(given), rest, help };
};

Deno.test("flags come with = or a space, switches alone, the rest keeps its order", () => {
  assertEquals(parse("a", "--nodes-max", "3", "b", "-f"), {
    given: { nodesMax: "3", follow: "true" },
    rest: ["a", "b"],
    help: false,
  });
  assertEquals(parse("--nodes-max=4", "--follow=false").given, { nodesMax: "4", follow: "false" });
  assertEquals(parse("-").rest, ["-"], "a dash alone is no flag");
  assertEquals(parse("--", "--nodes-max").rest, ["--nodes-max"], "nothing is a flag after --");
  assertEquals(parse("x", "--help").help, true);
});

Deno.test("a flag given twice counts the last time, a list adds up", () => {
  assertEquals(parse("--nodes-max=1", "--nodes-max=2").given, { nodesMax: "2" });
  assertEquals(parse("--allow-net=a", "--allow-net", "b,c").given, { allowNet: "a,b,c" });
});

Deno.test("a value may look like a flag, and may hold =", () => {
  assertEquals(parse("--allow-net", "--x").given, { allowNet: "--x" });
  assertEquals(parse("--allow-net=a=b").given, { allowNet: "a=b" });
});

Deno.test("an unknown flag is named, with the nearest one where one is near", () => {
  const refused = (args: string[], message: string) => {
    assertEquals(assertThrows(() => parse(...args), UsageError).message, message);
  };
  refused(["--node-max=1"], "--node-max is no flag of `demo`; did you mean --nodes-max?");
  refused(["--folow"], "--folow is no flag of `demo`; did you mean --follow?");
  refused(["--banana"], "--banana is no flag of `demo`; see: demo --help");
  refused(["-x"], "-x is no flag of `demo`; see: demo --help");
  refused(["--nodes-max"], "--nodes-max needs a value: --nodes-max COUNT, a whole number from 1 to 9");
});

Deno.test("the nearest word differs by a third at most", () => {
  assertEquals(nearest("depoly", ["deploy", "list"]), "deploy");
  assertEquals(nearest("resource", ["resourcemanager", "scheduler"]), "resourcemanager");
  assertEquals(nearest("xyz", ["deploy", "list"]), undefined);
  assertEquals(editDistance("kitten", "sitting"), 3);
  assertEquals([editDistance("", "abc"), editDistance("abc", "")], [3, 3]);
});
