import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../base/mod.ts";
import { NODE_KIB_MAX, NodePhase } from "./nodes.ts";
import { SMALL_CAPACITY } from "./testing.ts";
import { Tables } from "./tables.ts";

function oneNode(kib = 1_000) {
  const { nodes } = new Tables(SMALL_CAPACITY);
  nodes.join(0, kib, 0);
  return nodes;
}

Deno.test("a node takes no containers before it is opened, and its memory is never handed out twice", () => {
  const nodes = oneNode();
  assert(!nodes.reserve(0, 1));
  nodes.open(0);
  assert(nodes.reserve(0, 600));
  assert(!nodes.reserve(0, 401));
  assert(nodes.reserve(0, 400));
  assertEquals(nodes.freeKiB(0), 0);
});

Deno.test("a node that is shut goes on with what it has and takes nothing new", () => {
  const nodes = oneNode();
  nodes.open(0);
  nodes.reserve(0, 100);
  nodes.shut(0, NodePhase.draining);
  assert(!nodes.reserve(0, 1));
  nodes.release(0, 100);
  nodes.recycle(0);
  assertEquals(nodes.findFree(), 0);
});

Deno.test("a node is shut as empty only if nothing at all is reserved on it", () => {
  const nodes = oneNode();
  nodes.open(0);
  nodes.reserve(0, 1);
  assert(!nodes.shutIfEmpty(0));
  assertThrows(() => nodes.recycle(0), AssertionError, "is not empty");
  nodes.release(0, 1);
  assert(nodes.shutIfEmpty(0));
});

Deno.test("giving back more than was taken is a bug that is told", () => {
  const nodes = oneNode();
  assertThrows(() => nodes.release(0, 1), AssertionError, "more memory than it has");
});

Deno.test("the largest node keeps an exact account", () => {
  const nodes = oneNode(NODE_KIB_MAX);
  nodes.open(0);
  assert(nodes.reserve(0, NODE_KIB_MAX));
  nodes.release(0, NODE_KIB_MAX - 1);
  assertEquals(nodes.freeKiB(0), NODE_KIB_MAX - 1);
  assertThrows(() => nodes.resize(0, NODE_KIB_MAX + 1), AssertionError, "capacityKiB");
});

Deno.test("a node shrinks by no more than it has free", () => {
  const nodes = oneNode();
  nodes.open(0);
  nodes.reserve(0, 700);
  assertEquals(nodes.resize(0, 500), 700);
  assertEquals(nodes.freeKiB(0), 0);
  nodes.release(0, 700);
  assertEquals(nodes.resize(0, 500), 500);
});

Deno.test("idle time is counted from the last container's end, past the wrap of the millisecond word", () => {
  const nodes = oneNode();
  nodes.countContainers(0, 1, 2 ** 31 - 20);
  nodes.countContainers(0, -1, 2 ** 31 - 10);
  assertEquals(nodes.idleMs(0, 2 ** 31 + 15), 25);
});
