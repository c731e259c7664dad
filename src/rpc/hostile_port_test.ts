/** Attacks on a real port, all at once, and an honest client beside them that must notice nothing. */
import { assert, assertEquals } from "@std/assert";
import { createClient } from "@connectrpc/connect";
import * as net from "node:net";
import { Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import { END_HEADERS, END_STREAM, frame, FrameType, literals } from "./frames_testing.ts";
import { createClientTransport } from "./mod.ts";
import { within, withServer } from "./testing.ts";

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const NOTHING = new Uint8Array(0);
const SETTINGS = frame(FrameType.SETTINGS, 0, 0, NOTHING);
const CONTINUATION = 9;
const CALL = literals({
  ":method": "POST",
  ":scheme": "http",
  ":path": "/schedulerproto.Scheduler/AcquireContainer",
  ":authority": "h",
  "content-type": "application/grpc",
  te: "trailers",
});

function repeated(times: number, part: (i: number) => Uint8Array): Uint8Array {
  const parts = Array.from({ length: times }, (_, i) => part(i));
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const bytes of parts) {
    whole.set(bytes, at);
    at += bytes.length;
  }
  return whole;
}

const together = (...parts: Uint8Array[]) => repeated(parts.length, (i) => parts[i]);
const call = (id: number, flags = END_HEADERS) => frame(FrameType.HEADERS, flags, id, CALL);
const CANCEL = new Uint8Array([0, 0, 0, 8]);

/** What is sent behind preface and SETTINGS, by the name that the server counts it under. */
const ATTACKS: Readonly<Record<string, Uint8Array>> = {
  rapid_reset: repeated(9000, (i) => together(call(2 * i + 1), frame(FrameType.RST_STREAM, 0, 2 * i + 1, CANCEL))),
  made_reset: repeated(
    200,
    (i) => together(call(2 * i + 1), frame(FrameType.WINDOW_UPDATE, 0, 2 * i + 1, new Uint8Array(4))),
  ),
  continuation_flood: together(call(1, 0), repeated(1000, () => frame(CONTINUATION, 0, 1, NOTHING))),
  ping_flood: repeated(5000, () => frame(FrameType.PING, 0, 0, new Uint8Array(8))),
  settings_flood: repeated(500, () => SETTINGS),
  ignored_flood: repeated(5000, () => frame(0xfa, 0, 0, new Uint8Array(50))),
  empty_data_flood: together(call(1), repeated(5000, () => frame(FrameType.DATA, 0, 1, NOTHING))),
  frame_too_large: frame(FrameType.DATA, 0, 1, new Uint8Array(100_000)),
  compression: frame(FrameType.HEADERS, END_HEADERS | END_STREAM, 1, new Uint8Array(40).fill(0x80)),
  idle_stream: frame(FrameType.DATA, 0, 7, new Uint8Array(1)),
};

/** Sends `bytes` and resolves when the server has cut the connection off. */
function attack(address: string, bytes: Uint8Array): Promise<void> {
  const [host, port] = address.split(":");
  const socket = net.connect({ host, port: Number(port) });
  socket.on("error", () => {});
  socket.resume();
  socket.write(together(PREFACE, SETTINGS, bytes));
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

Deno.test("attackers are cut off one by one, each for its own, and an honest client's calls all succeed", () =>
  withServer({}, async ({ address, listener, lines }) => {
    const transport = createClientTransport({ address });
    const client = createClient(Scheduler, transport.transport);
    let attacking = true;
    const honest = (async () => {
      let calls = 0;
      for (; attacking || calls < 50; calls++) {
        assertEquals((await client.acquireContainer({ requestId: `${calls}` })).containerId, `${calls}`);
      }
      return calls;
    })();
    const attacks = Object.entries(ATTACKS).map(([name, bytes]) =>
      within(attack(address, bytes), `the end of ${name}`)
    );
    try {
      await Promise.all(attacks);
    } finally {
      attacking = false;
    }
    assert(await within(honest, "the honest calls") >= 50);
    transport.close();
    for (const name of Object.keys(ATTACKS)) assert((listener.counters.get(name) ?? 0) >= 1, `${name} was not counted`);
    assertEquals(listener.counters.get("fault"), undefined);
    assertEquals(lines.filter((line) => line.includes('"error"') && line.includes("failed here")), []);
  }));
