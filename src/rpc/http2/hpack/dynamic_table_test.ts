import { assertEquals } from "@std/assert";
import { DynamicTable, entryBytes } from "./dynamic_table.ts";

function fieldsOf(table: DynamicTable): string[] {
  return Array.from({ length: table.count }, (_, i) => `${table.name(i)}=${table.value(i)}`);
}

Deno.test("4.1: an entry counts its name, its value and 32 bytes", () => {
  assertEquals(entryBytes("", ""), 32);
  assertEquals(entryBytes("custom-key", "custom-value"), 54);
});

Deno.test("2.3.2: the newest entry comes first, the oldest leaves first", () => {
  const evicted: string[] = [];
  const table = new DynamicTable(3 * 34, (name, value) => evicted.push(`${name}=${value}`));
  for (const name of ["a", "b", "c", "d"]) assertEquals(table.add(name, "1"), true);
  assertEquals(fieldsOf(table), ["d=1", "c=1", "b=1"]);
  assertEquals(evicted, ["a=1"]);
  assertEquals([table.bytes, table.inserted], [102, 4]);
});

Deno.test("4.4: an entry larger than the table empties it", () => {
  const table = new DynamicTable(70);
  table.add("a", "1");
  assertEquals(table.add("a", "x".repeat(38)), false);
  assertEquals([table.count, table.bytes], [0, 0]);
  assertEquals(table.add("a", "x".repeat(37)), true);
  assertEquals(table.bytes, 70);
});

Deno.test("the ring grows under entries that wrap around it", () => {
  const table = new DynamicTable(40 * 34);
  const names = Array.from({ length: 200 }, (_, i) => String.fromCharCode(0x21 + i));
  table.resize(10 * 34);
  for (const name of names.slice(0, 25)) table.add(name, "1");
  table.resize(40 * 34);
  for (const name of names.slice(25)) table.add(name, "1");
  assertEquals(fieldsOf(table), names.slice(-40).reverse().map((name) => `${name}=1`));
});

Deno.test("no table at all: nothing is kept", () => {
  const table = new DynamicTable(0);
  assertEquals(table.add("", ""), false);
  table.resize(32);
  assertEquals(table.add("", ""), true);
  table.resize(31);
  assertEquals(table.count, 0);
});
