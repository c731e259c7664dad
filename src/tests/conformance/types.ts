/** The suites' own messages and service, from descriptors that the task has built. */
import { createFileRegistry, type DescMessage, type DescService, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const PACKAGE = "connectrpc.conformance.v1";

export type Types = ReturnType<typeof readTypes>;

/** Reads a file that `buf build` has written. */
export function readTypes(path: string) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Deno.readFileSync(path)));
  const message = (name: string): DescMessage => {
    const found = registry.getMessage(`${PACKAGE}.${name}`);
    if (!found) throw new Error(`${path} has no message ${name}`);
    return found;
  };
  const service: DescService | undefined = registry.getService(`${PACKAGE}.ConformanceService`);
  if (!service) throw new Error(`${path} has no ConformanceService`);
  return { registry, message, service };
}
