import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { EventQueue, SimEvent } from "./event_queue.ts";

class Named extends SimEvent {
  constructor(readonly name: number) {
    super();
  }
  override fire(): void {}
}

Deno.test("events come by their moment, and those of one moment in the order in which they were put in", () => {
  const queue = new EventQueue();
  const events = [5, 1, 5, 3, 1].map((atMs, name) => {
    const event = new Named(name);
    queue.put(event, atMs);
    return event;
  });
  queue.remove(events[3]);
  queue.put(events[4], 5);
  const order: number[] = [];
  while (queue.size > 0) order.push((queue.pop() as Named).name);
  assertEquals(order, [1, 0, 2, 4]);
});

Deno.test("whatever is put in, moved and taken out, the queue gives what a sorted list would", () => {
  const step = fc.tuple(fc.constantFrom("put", "put", "remove", "pop"), fc.nat(19), fc.nat(9));
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const queue = new EventQueue();
    const events = Array.from({ length: 20 }, (_, name) => new Named(name));
    let plain: { event: Named; atMs: number }[] = [];
    for (const [what, name, atMs] of steps) {
      const event = events[name];
      if (what === "pop") {
        assertEquals(queue.peek(), plain[0]?.event);
        if (plain.length > 0) assertEquals(queue.pop(), plain.shift()!.event);
        continue;
      }
      plain = plain.filter((one) => one.event !== event);
      if (what === "put") {
        queue.put(event, atMs);
        const later = plain.findIndex((one) => one.atMs > atMs);
        plain.splice(later < 0 ? plain.length : later, 0, { event, atMs });
      } else queue.remove(event);
      assertEquals(queue.size, plain.length);
    }
    for (const { event } of plain) assertEquals(queue.pop(), event);
  }));
});
