import { assertEquals } from "@std/assert";
import { create, toBinary } from "@bufbuild/protobuf";
import { PlatformError } from "../../base/mod.ts";
import { AcquireContainerReplySchema as Reply } from "../../../gen/schedulerproto/scheduler_pb.ts";
import { errorOf } from "../testing.ts";
import { Inbox } from "./inbox.ts";

/** An inbox that counts what its owner is told. */
function inboxWith(...ids: string[]) {
  const told = { consumed: 0, left: 0, failed: [] as PlatformError[] };
  const inbox = new Inbox(Reply, {
    consumed: (bytes) => void (told.consumed += bytes),
    left: () => void told.left++,
    fail: (error) => {
      told.failed.push(error);
      inbox.drop();
      inbox.end(error);
    },
  });
  for (const id of ids) inbox.add(messageOf(id));
  return { inbox, told };
}

function messageOf(containerId: string): Uint8Array {
  return toBinary(Reply, create(Reply, { containerId }));
}

Deno.test("messages come in order, to a reader that is there already or comes later", async () => {
  const { inbox } = inboxWith("a", "b");
  const messages = inbox.messages();
  const ids = [messages.next(), messages.next(), messages.next(), messages.next()];
  inbox.add(messageOf("c"));
  inbox.end();
  const read = (await Promise.all(ids)).map(({ value }) => value?.containerId);
  assertEquals(read, ["a", "b", "c", undefined]);
  assertEquals(await messages.next(), { done: true, value: undefined });
});

Deno.test("windows are given back as the reader takes, and at once for a message that is still coming", async () => {
  const { inbox, told } = inboxWith();
  const messages = inbox.messages();
  // Nothing waits: a message larger than any window must go on coming.
  inbox.received(1_000);
  assertEquals(told.consumed, 1_000);
  const first = messageOf("first"), second = messageOf("second");
  inbox.add(first);
  inbox.add(second);
  const bytes = first.length + second.length + 10;
  inbox.received(bytes + 7);
  assertEquals(told.consumed, 1_000);
  await messages.next();
  assertEquals(told.consumed, 1_000 + first.length + 5);
  await messages.next();
  assertEquals(told.consumed, 1_000 + bytes + 7);
});

Deno.test("an error comes after the messages before it, once", async () => {
  const { inbox } = inboxWith("a");
  inbox.end(new PlatformError("aborted", "broke"));
  const messages = inbox.messages();
  assertEquals((await messages.next()).value?.containerId, "a");
  assertEquals((await errorOf(messages.next(), PlatformError)).message, "broke");
  assertEquals((await messages.next()).done, true);
});

Deno.test("who leaves early is told of nothing more, and the owner is told of it", async () => {
  for (const leave of ["break", "throw"]) {
    const { inbox, told } = inboxWith("a", "b");
    const messages = inbox.messages();
    if (leave === "break") { for await (const _ of messages) break; }
    else assertEquals((await errorOf(messages.throw!(new Error("mine")), Error)).message, "mine");
    assertEquals(told.left, 1);
    inbox.end(new PlatformError("cancelled", "the reader left"));
    assertEquals(await messages.next(), { done: true, value: undefined });
  }
});

Deno.test("what is no message fails the call, and its reader", async () => {
  const { inbox, told } = inboxWith();
  inbox.add(new Uint8Array([0x0a, 100, 1]));
  inbox.add(messageOf("b"));
  const messages = inbox.messages();
  const error = await errorOf(messages.next(), PlatformError);
  assertEquals([error.code, told.failed], ["internal", [error]]);
  assertEquals((await messages.next()).done, true);
});
