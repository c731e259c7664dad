/** What a warm acquire with its release costs on the bare tables, one thread. */
import { type Hash64, hashText } from "./hash.ts";
import { DEFAULT_CAPACITY } from "./layout.ts";
import { smallTables, warmContainer } from "./testing.ts";

const tables = smallTables(DEFAULT_CAPACITY);
for (let slot = 0; slot < 64; slot++) warmContainer(tables, slot, 0, 4);
const { leases, functions, containers, queue, nodes, placement } = tables;
const hash: Hash64 = { lo: 0, hi: 0 };
let request = 0;

Deno.bench("core: claim and give back a permit", { group: "core" }, () => {
  queue.putBack(0, functions.claim(0), 0);
});

Deno.bench("core: warm acquire and release, lease and hashes included", { group: "core" }, () => {
  const id = `request-${request++}`;
  leases.insert(hashText(id, hash));
  const slot = functions.claim(0);
  leases.publish(leases.found, slot, containers.generation(slot), 1_000);
  const lease = leases.find(hashText(id, hash));
  leases.beginEnd(lease);
  queue.putBack(0, slot, 0);
  leases.end(lease);
});

Deno.bench("core: find a node, reserve on it, release", { group: "core" }, () => {
  const node = placement.find(1_000);
  nodes.reserve(node, 1_000);
  nodes.release(node, 1_000);
});
