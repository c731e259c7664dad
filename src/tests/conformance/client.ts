/**
 * A client for the runner: each message on stdin is a call to make, each on stdout what became of it.
 *
 *     deno run -A src/tests/conformance/client.ts TYPES
 */
import { create } from "@bufbuild/protobuf";
import { messageOf } from "../../base/mod.ts";
import { type ClientTransport, createClientTransport } from "../../rpc/mod.ts";
import { call } from "./call.ts";
import { type Dynamic, readMessages, writeMessage } from "./compat.ts";
import { readTypes } from "./types.ts";

/** Calls at once: the suites have many that only wait. */
const CALLS_MAX = 32;

const types = readTypes(Deno.args[0]);
const response = types.message("ClientCompatResponse");
const transports = new Map<string, ClientTransport>();
const running = new Set<Promise<void>>();

for await (const request of readMessages(types.message("ClientCompatRequest"))) {
  const one: Promise<void> = answer(request).finally(() => running.delete(one));
  running.add(one);
  if (running.size >= CALLS_MAX) await Promise.race(running);
}
await Promise.all(running);
for (const transport of transports.values()) transport.close();

async function answer(request: Dynamic): Promise<void> {
  const { testName } = request;
  try {
    const result = { case: "response", value: await call(types, transportTo(request), request) };
    writeMessage(response, create(response, { testName, result } as never));
  } catch (error) {
    const result = { case: "error", value: { message: messageOf(error) } };
    writeMessage(response, create(response, { testName, result } as never));
  }
}

function transportTo({ host, port }: Dynamic) {
  const address = `${host}:${port}`;
  let known = transports.get(address);
  if (!known) transports.set(address, known = createClientTransport({ address }));
  return known.transport;
}
