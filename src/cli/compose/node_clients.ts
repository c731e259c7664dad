import type { NodeAddress } from "../../apiserver/mod.ts";
import { createNodeClient, type NodeClient } from "../../nodeservice/mod.ts";
import { addressOf, type Shared } from "./shared.ts";

/** Connections kept at once. Nodes come and go; the one not used for longest is given up first. */
const CLIENTS_MAX = 1_024;

/** The apiserver's connections to the node agents, one to an address, opened when first needed. */
export class NodeClients {
  readonly #clients = new Map<string, { node: NodeClient; close: () => void }>();

  constructor(private readonly connect: Shared["connect"]) {}

  get(node: NodeAddress): NodeClient {
    const address = addressOf({ hostname: node.address, port: node.port });
    const known = this.#clients.get(address);
    if (known) {
      // Moved to the end: a Map remembers the order of insertion.
      this.#clients.delete(address);
      this.#clients.set(address, known);
      return known.node;
    }
    if (this.#clients.size >= CLIENTS_MAX) {
      const [oldest, { close }] = this.#clients.entries().next().value!;
      this.#clients.delete(oldest);
      close();
    }
    const { transport, close } = this.connect(address);
    const made = { node: createNodeClient(transport), close };
    this.#clients.set(address, made);
    return made.node;
  }

  close(): void {
    for (const { close } of this.#clients.values()) close();
    this.#clients.clear();
  }
}
