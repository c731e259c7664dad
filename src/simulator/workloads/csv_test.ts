import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { PlatformError } from "../../base/mod.ts";
import { forEachRow, splitCells } from "./csv.ts";
import { chunksOf } from "./lines.ts";

Deno.test("cells may be quoted, and may be empty", () => {
  assertEquals(splitCells("a,,c"), ["a", "", "c"]);
  assertEquals(splitCells(`"a,b",c,"say ""hi""",`), ["a,b", "c", 'say "hi"', ""]);
  assertEquals(splitCells(`1,"{""a"": ""b,c""}",2`), ["1", '{"a": "b,c"}', "2"]);
  assertEquals(splitCells(`""`), [""]);
  assertThrows(
    () => splitCells(`a,"b`),
    PlatformError,
    `a quoted cell is "\\"b", must be one that is closed on its line`,
  );
  assertThrows(() => splitCells(`"a"b,c`), PlatformError, "one with a comma after it");
});

Deno.test("rows are read by the heading's names; what is wrong is told with its line and column", async () => {
  const rows: unknown[] = [];
  const read = (text: string) =>
    forEachRow("t.csv", chunksOf(text), ["a", "b"], (row, line) => {
      rows.push([line, row.text("a"), row.number("b", 0, 9), row.isGiven("c")]);
    });
  await read("b, a,c\r\n1,x,\r\n\r\n2,y,3\r\n");
  assertEquals(rows, [[2, "x", 1, false], [4, "y", 2, true]]);
  const refuses = async (text: string, message: string) => {
    const error = await assertRejects(() => read(text), PlatformError);
    assertEquals([error.code, error.message], ["invalid_argument", `t.csv ${message}`]);
  };
  await refuses("", "is empty, must begin with a heading");
  await refuses("a,c\n", `line 1: the heading is "a,c", must be one with b`);
  await refuses("a,b\nx,10\n", `line 2: b is "10", must be a number from 0 to 9`);
  await refuses("a,b\nx,\n", "line 2: b is missing, must be a number from 0 to 9");
  await refuses("a,b\n,1\n", "line 2: a is missing, must be some text");
  await refuses("a,b\nx,1,2\n", `line 2: the row is "3 cells", must be 2 cells, as the heading has`);
});
