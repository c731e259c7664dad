import { PlatformError } from "../../base/mod.ts";
import type { Container, ContainerRuntime, CreateRequest } from "../../nodeservice/mod.ts";
import type { Measurements } from "./measurements.ts";

/** A node's runtime whose containers are noted as they come and go. */
export function measuredRuntime(
  runtime: ContainerRuntime,
  measurements: Measurements,
  nodeId: () => string,
): ContainerRuntime {
  return {
    name: runtime.name,
    enforcement: runtime.enforcement,
    processors: runtime.processors,
    memoryBytes: () => runtime.memoryBytes(),
    close: () => runtime.close(),
    async create(request: CreateRequest, signal?: AbortSignal): Promise<Container> {
      const { containerId, function: { functionName, memoryBytes } } = request;
      const note = measurements.created({ containerId, functionName, memoryBytes, nodeId: nodeId() });
      if (!note) throw new PlatformError("not_found", `function "${functionName}" is none of this workload`);
      try {
        const container = await runtime.create(request, signal);
        note.ready();
        return measured(container, note);
      } catch (error) {
        note.removed();
        throw error;
      }
    },
  };
}

function measured(container: Container, note: NonNullable<ReturnType<Measurements["created"]>>): Container {
  return {
    containerId: container.containerId,
    times: container.times,
    get usable() {
      return container.usable;
    },
    async invoke(invocation, signal) {
      const reply = await container.invoke(invocation, signal);
      void reply.footer.then(({ failure }) => failure?.kind === "out_of_memory" && note.outOfMemory());
      return reply;
    },
    usage: () => container.usage(),
    stop(failure) {
      if (failure.kind === "out_of_memory") note.outOfMemory();
      container.stop(failure);
    },
    async remove() {
      await container.remove();
      note.removed();
    },
  };
}
