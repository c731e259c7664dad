import { assertEquals } from "@std/assert";
import { MIB } from "../../../base/mod.ts";
import { withRuntime } from "./testing.ts";

const BUFFERS = `export function handler() {
  const blocks = [];
  for (let i = 0; i < 8; i++) blocks.push(new Uint8Array(2 ** 20).fill(i));
  return blocks.length;
}`;

Deno.test("buffers of calls before do not fill a small container that is called again and again", () =>
  withRuntime(async ({ start, send }) => {
    const container = await start(BUFFERS, { memoryBytes: 64 * MIB });
    for (let call = 0; call < 30; call++) {
      const { body, failure } = await send(container);
      assertEquals([body, failure], ["8", undefined], `call ${call}`);
    }
  }));
