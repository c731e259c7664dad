/** The small parts of a connection, each by itself: windows, settings, budgets, endings, header blocks. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Budget } from "./budgets.ts";
import { ByteWriter } from "./bytes.ts";
import { ClosedStreams } from "./closed_streams.ts";
import { ConnectionFault } from "./faults.ts";
import { overflows, ReceiveWindow } from "./flow.ts";
import { Flag, FrameType, UINT31_MAX } from "./frames.ts";
import { HeaderAssembly, writeHeaderBlock } from "./header_blocks.ts";
import { HpackDecoder, HpackEncoder } from "./hpack/mod.ts";
import { http2Limits } from "./limits.ts";
import { PeerSettings } from "./settings.ts";
import { framesIn, uint32Bytes } from "./testing.ts";
import { ErrorCode } from "./types.ts";

Deno.test("5.2: a window takes what it has, and an update waits until half of it is owed", () => {
  const window = new ReceiveWindow(100);
  assertEquals([window.take(60), window.take(40), window.take(1), window.take(0)], [true, true, false, true]);
  assertEquals([window.giveBack(49), window.giveBack(1), window.giveBack(49)], [0, 50, 0]);
  assertEquals(window.available, 50);
});

Deno.test("5.2: whatever is taken and given back, a window never exceeds its size, and all of it comes back", () => {
  const steps = fc.array(fc.integer({ min: 0, max: 100 }));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), steps, (size, steps) => {
      const window = new ReceiveWindow(size);
      let peer = size, held = 0;
      for (const step of steps) {
        const sent = Math.min(step, peer);
        peer -= sent;
        held += sent;
        assertEquals(window.take(sent), true);
        const consumed = Math.min(held, step);
        held -= consumed;
        peer += window.giveBack(consumed);
        assertEquals(peer, window.available);
        assertEquals(peer + held <= size, true);
      }
      // With nothing held, less than half is owed: the peer is never left without a window.
      peer += window.giveBack(held);
      assertEquals(peer * 2 > size, true);
    }),
    { seed: 1 },
  );
});

Deno.test("6.9.2: a changed setting may make a window negative; only nothing fits it then", () => {
  const window = new ReceiveWindow(100);
  window.take(80);
  window.resize(-50);
  assertEquals([window.available, window.take(0), window.take(1)], [-30, true, false]);
  assertEquals(window.giveBack(40), 40);
  assertEquals(window.available, 10);
});

Deno.test("6.9.1: 2^31-1 is the largest window", () => {
  assertEquals([overflows(1, UINT31_MAX - 1), overflows(1, UINT31_MAX), overflows(-5, UINT31_MAX)], [
    false,
    true,
    false,
  ]);
});

function settings(...pairs: readonly [id: number, value: number][]): Uint8Array {
  return Uint8Array.from(pairs.flatMap(([id, value]) => [id >> 8, id & 255, ...uint32Bytes(value)]));
}

Deno.test("6.5.2: settings are taken in order, the last word holds, unknown ones are ignored", () => {
  const peer = new PeerSettings(false);
  assertEquals([peer.streamsMax, peer.initialWindowBytes, peer.frameBytesMax], [100, 65_535, 16_384]);
  const bytes = settings([4, 1], [99, 7], [4, 0x7fffffff], [5, 0xffffff], [1, 0], [2, 1], [6, 0xffffffff]);
  peer.apply(bytes, 0, bytes.length);
  assertEquals([peer.streamsMax, peer.initialWindowBytes, peer.frameBytesMax], [UINT31_MAX, 0x7fffffff, 0xffffff]);
  assertEquals(peer.headerTableBytes, 0);
  const limit = settings([3, 0]);
  peer.apply(limit, 0, limit.length);
  assertEquals([peer.streamsMax, peer.initialWindowBytes], [0, 0x7fffffff]);
});

for (
  const [name, id, value, code] of [
    ["ENABLE_PUSH", 2, 2, ErrorCode.PROTOCOL_ERROR],
    ["INITIAL_WINDOW_SIZE", 4, 0x80000000, ErrorCode.FLOW_CONTROL_ERROR],
    ["MAX_FRAME_SIZE", 5, 16_383, ErrorCode.PROTOCOL_ERROR],
    ["MAX_FRAME_SIZE", 5, 0x1000000, ErrorCode.PROTOCOL_ERROR],
  ] as const
) {
  Deno.test(`6.5.2: ${name} ${value} is not allowed`, () => {
    const fault = assertThrows(() => new PeerSettings(false).apply(settings([id, value]), 0, 6), ConnectionFault, name);
    assertEquals(fault.code, code);
  });
}

Deno.test("budget: a burst at once, then as much as time and merit give back", () => {
  const budget = new Budget({ burst: 3, perSecond: 2 });
  const takeAll = () => {
    let taken = 0;
    while (budget.take()) taken++;
    return taken;
  };
  assertEquals(takeAll(), 3);
  budget.refill(250);
  assertEquals(takeAll(), 0);
  budget.refill(250);
  assertEquals(takeAll(), 1);
  budget.credit(2);
  assertEquals(takeAll(), 2);
  budget.refill(3_600_000);
  assertEquals(takeAll(), 3);
});

Deno.test("5.1: how a stream ended is known for a while, and skipped numbers are told from used ones", () => {
  const closed = new ClosedStreams();
  assertEquals(closed.endingOf(1, 1), "unused");
  closed.remember(1, "ended");
  closed.remember(5, "reset by us");
  closed.remember(7, "reset by the peer");
  closed.remember(UINT31_MAX, "ended");
  const endings = [1, 3, 5, 7].map((id) => closed.endingOf(id, 9));
  assertEquals(endings, ["ended", "unused", "reset by us", "reset by the peer"]);
  assertEquals(closed.endingOf(UINT31_MAX, UINT31_MAX), "ended");
  assertEquals(closed.endingOf(1, 3000), "forgotten");
  for (let id = 9; id < 9 + 2 * 1024; id += 2) closed.remember(id, "ended");
  assertEquals([9, 11, 2055].map((id) => closed.endingOf(id, 2055)), ["ended", "ended", "ended"]);
});

Deno.test("4.3: a header block in one frame and in many is the same block", () => {
  const fields = [":method", "GET", "x-large", "~".repeat(500)];
  const limits = http2Limits();
  for (const frameBytesMax of [16_384, 1000, 100, 7]) {
    const out = new ByteWriter();
    writeHeaderBlock(out, new HpackEncoder(), 3, fields, true, frameBytesMax);
    const [first, ...others] = framesIn(out.take());
    assertEquals([first.type, first.id, first.flags & Flag.END_STREAM], [FrameType.HEADERS, 3, Flag.END_STREAM]);
    assertEquals(others.every(({ type, id }) => type === FrameType.CONTINUATION && id === 3), true);
    const ends = [first, ...others].map(({ flags }) => (flags & Flag.END_HEADERS) > 0);
    assertEquals(ends.indexOf(true), ends.length - 1);
    const assembly = new HeaderAssembly(3, true, { ...limits, continuationsMax: 1000 });
    for (const { payload, type } of [first, ...others]) assembly.append(payload, type === FrameType.CONTINUATION);
    const decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 10_000, fieldsMax: 10 });
    assertEquals(decoder.decode(assembly.block), fields);
  }
});

Deno.test("header blocks: one that cannot be encoded leaves nothing behind", () => {
  const out = new ByteWriter();
  out.byte(1);
  assertThrows(() => writeHeaderBlock(out, new HpackEncoder(), 1, ["a", "→"], false, 100), RangeError);
  assertEquals([...out.take()], [1]);
});
