import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Frame, FrameError, readFrames } from "./frames.ts";

function frame(type: number, payload: Uint8Array | string): number[] {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  return [type, ...new Uint8Array(new Uint32Array([bytes.length]).buffer).reverse(), ...bytes];
}

async function* cut(bytes: number[], sizes: number[]): AsyncGenerator<Uint8Array, void> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length];
    yield await Promise.resolve(Uint8Array.from(bytes.slice(at, at + size)));
    at += size;
  }
}

const HEAD = frame(0, JSON.stringify({ status: 200, headers: [["a", "b"]] }));

Deno.test("frames are the same however their bytes are cut", async () => {
  const bytes = [...HEAD, ...frame(1, "one"), ...frame(1, ""), ...frame(1, "two"), ...frame(2, "")];
  await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), async (sizes) => {
    const frames: Frame[] = await Array.fromAsync(readFrames(cut(bytes, sizes)));
    const data = frames.flatMap((frame) => frame.type === "data" ? [...frame.bytes] : []);
    assertEquals(new TextDecoder().decode(Uint8Array.from(data)), "onetwo");
    assertEquals(frames[0], { type: "head", status: 200, headers: [["a", "b"]] });
    assertEquals(frames.at(-1), { type: "end" });
  }));
});

Deno.test("a length that a container claims is never waited for in memory", async () => {
  const claims = [[0, 0xff, 0xff, 0xff, 0xff], [3, 0, 1, 0, 0], [2, 0xff, 0, 0, 0], [9, 0, 0, 0, 0]];
  for (const bytes of claims) {
    await assertRejects(() => Array.fromAsync(readFrames(cut(bytes, [5]))), FrameError);
  }
});

Deno.test("heads that are none are refused", async () => {
  const heads = [
    "nonsense",
    "null",
    `{"status":"200","headers":[]}`,
    `{"status":99,"headers":[]}`,
    `{"status":200}`,
    `{"status":200,"headers":[["a"]]}`,
    `{"status":200,"headers":[["a b","c"]]}`,
    `{"status":200,"headers":[["a","b\\r\\nc"]]}`,
    JSON.stringify({ status: 200, headers: Array(300).fill(["a", "b"]) }),
  ];
  for (const head of heads) {
    await assertRejects(() => Array.fromAsync(readFrames(cut(frame(0, head), [1_000]))), FrameError);
  }
});

Deno.test("whatever comes, reading ends or fails as a FrameError", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 255 })), async (bytes) => {
    try {
      await Array.fromAsync(readFrames(cut(bytes, [7])));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
    }
  }));
});
