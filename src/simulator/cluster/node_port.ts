import { type CallOptions, PlatformError, supersedes } from "../../base/mod.ts";
import type { NodePort } from "../../scheduler/ports.ts";
import type { VirtualClock } from "../engine/virtual_clock.ts";
import type { Started } from "./container.ts";
import type { Handler, Network } from "./network.ts";
import type { SimNode } from "./node.ts";

/** A scheduler's connection to the agent of a simulated node. */
export function nodePort(
  node: SimNode,
  parts: { clock: VirtualClock; network: Network; removeMs: number },
): NodePort {
  const { clock, network, removeMs } = parts;
  let isOpen = true;
  const call = <Reply>(options: CallOptions, handler: Handler<Reply>, ownerId?: string): Promise<Reply> => {
    if (!isOpen) return Promise.reject(new PlatformError("unavailable", "the connection is closed"));
    return network.call(options, (answer, fail) => {
      if (!node.isUp) return fail(new PlatformError("unavailable", `${node.nodeId} is down`));
      if (ownerId !== undefined && ownerId !== node.owner.ownerId) return fail(heldByAnother(node));
      handler(answer, fail);
    });
  };
  return {
    reserve: ({ ownerId, ownerEpoch }, options) =>
      call<void>(options, (answer, fail) => {
        const owner = { ownerId, ownerEpoch };
        if (!supersedes(owner, node.owner)) return fail(heldByAnother(node));
        node.owner = owner;
        answer();
      }),
    createContainer: ({ requestId, ownerId, function: spec }, options) =>
      call<Started>(options, (answer, fail) => node.create({ requestId, spec }, answer, fail), ownerId),
    removeContainer: ({ containerId, ownerId }, options) =>
      call<void>(options, (answer) => {
        clock.after(removeMs, () => {
          node.remove(containerId);
          answer();
        });
      }, ownerId),
    getStats: (_, options) => call(options, (answer) => answer(node.report())),
    close: () => {
      isOpen = false;
    },
  };
}

function heldByAnother({ nodeId }: SimNode): PlatformError {
  return new PlatformError("failed_precondition", `another owner holds ${nodeId}`);
}
