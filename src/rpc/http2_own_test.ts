import { assertEquals } from "@std/assert";
import { ACK, END_STREAM, type Frame, FrameType, RawClient } from "./frames_testing.ts";
import { within, withServer } from "./testing.ts";

const ACQUIRE = "/schedulerproto.Scheduler/AcquireContainer";
/** An empty message behind its prefix. */
const EMPTY = new Uint8Array(5);

function call(client: RawClient, streamId: number, address: string, userAgent: string): void {
  const fields = { ":method": "POST", ":scheme": "http", ":path": ACQUIRE, ":authority": address };
  client.headers(streamId, { ...fields, "content-type": "application/grpc", "user-agent": userAgent }, false);
  client.send(FrameType.DATA, END_STREAM, streamId, EMPTY);
}

const lastIdOf = ({ payload }: Frame) => new DataView(payload.buffer, payload.byteOffset).getUint32(0);
const isGoaway = ({ type }: Frame) => type === FrameType.GOAWAY;
const endOf = (id: number) => ({ streamId, flags, type }: Frame) =>
  streamId === id && type <= FrameType.HEADERS && (flags & END_STREAM) !== 0;

for (const [userAgent, says] of [["grpc-go/1.66.0", [2 ** 31 - 1, 3]], ["connect-es/2.2.0", []]] as const) {
  Deno.test(`a close says goodbye to ${userAgent} ${says.length} times, answers what is under way, then ends`, async () => {
    const entered = Promise.withResolvers<void>(), go = Promise.withResolvers<void>();
    let calls = 0;
    const acquire = async () => {
      if (++calls === 2) entered.resolve();
      await go.promise;
    };
    await withServer({ acquire }, async ({ address, listener }) => {
      const client = new RawClient(address);
      call(client, 1, address, userAgent);
      call(client, 3, address, userAgent);
      await within(entered.promise, "both handlers");
      const closed = listener.close({ graceMs: 60_000 });
      const frames: Frame[] = [];
      if (says.length > 0) {
        // RFC 9113, 6.8: first that it will go, and once the client has seen that, what it took.
        frames.push(...await client.until(({ type, flags }) => type === FrameType.PING && flags === 0, "the ping"));
        client.send(FrameType.PING, ACK, 0, frames.at(-1)!.payload);
      }
      go.resolve();
      const ends = [endOf(1), endOf(3)];
      frames.push(...await client.until(ends[1], "the answers"));
      frames.push(...await client.until(() => false, "the end"));
      assertEquals(ends.map((end) => frames.filter(end).length), [1, 1]);
      assertEquals(frames.filter(isGoaway).map(lastIdOf), [...says]);
      client.close();
      await within(closed, "the close");
    });
  });
}

Deno.test("one address gets so many connections and no more, until it gives some back", () =>
  withServer({ at: { addressConnectionsMax: 2 } }, async ({ address, listener }) => {
    const clients = [new RawClient(address), new RawClient(address)];
    for (const client of clients) await client.untilPong();
    const third = new RawClient(address);
    assertEquals(await third.until(() => false, "the cut"), []);
    assertEquals(listener.counters.get("connections of one address"), 1);
    for (const client of clients) await client.untilPong();
    clients.forEach((client) => client.close());
  }));

Deno.test("what a peer does wrong is counted by name, and ends its own connection alone", () =>
  withServer({}, async ({ address, listener }) => {
    const honest = new RawClient(address), other = new RawClient(address);
    await honest.untilPong();
    // RFC 9113, 6.1: DATA belongs to a stream.
    other.send(FrameType.DATA, 0, 0, EMPTY);
    const frames = await other.until(() => false, "the end");
    assertEquals(frames.filter(isGoaway).length, 1);
    assertEquals([...listener.counters.values()], [1]);
    call(honest, 1, address, "test/1");
    const answer = await honest.until(endOf(1), "the answer");
    assertEquals(answer.filter(isGoaway), []);
    honest.close();
    other.close();
  }));
