import { assertEquals } from "@std/assert";
import { checkLayering, readSources } from "./layering.ts";

const ROOT = new URL("../", import.meta.url).pathname;

Deno.test("every room imports only what it may, and no files import one another in a circle", () => {
  assertEquals(checkLayering(readSources(ROOT)), []);
});

Deno.test("a forbidden import, a wire type in the house, Deno in the core and a circle are found", () => {
  const file = (path: string, text: string) => ({ path, text });
  assertEquals(
    checkLayering([
      file("core/a.ts", 'import { x } from "../scheduler/b.ts";\nexport const now = Deno.pid;'),
      file("policy/c.ts", 'import type {\n  D,\n} from "../../gen/d_pb.ts";'),
      file("rpc/e.ts", 'export { f } from "./f.ts"; // import "../cli/g.ts"'),
      file("rpc/f.ts", 'import { e } from "./e.ts";'),
      file("scheduler/edge.ts", 'import { open } from "../cli/compose/mod.ts";'),
    ]),
    [
      "core/a.ts imports scheduler/b.ts: core/ may import base",
      "core/a.ts uses Deno.*: core/ must run on Node.js too",
      "policy/c.ts imports ../gen/d_pb.ts: wire types stay at the door",
      "files import one another in a circle: rpc/e.ts → rpc/f.ts → rpc/e.ts",
    ],
  );
});
