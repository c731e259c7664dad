/**
 * A server for the runner: our door with the suites' service behind it.
 *
 *     deno run -A src/tests/conformance/server.ts TYPES own|node
 */
import { create } from "@bufbuild/protobuf";
import { Log, systemClock } from "../../base/mod.ts";
import { createEdge } from "../../rpc/mod.ts";
import { readMessages, writeMessage } from "./compat.ts";
import { conformanceService } from "./service.ts";
import { readTypes } from "./types.ts";

const [path, http2] = Deno.args as [string, "own" | "node"];
const types = readTypes(path);
const clock = systemClock;
const encoder = new TextEncoder();
const write = (line: string) => void Deno.stderr.writeSync(encoder.encode(line));
const log = new Log({ service: "conformance", level: "error", write, clock });

const { value: request } = await readMessages(types.message("ServerCompatRequest")).next();
if (!request) throw new Error("stdin ended before the runner said what it wants");
const edge = createEdge({
  service: "conformance",
  routes: (router) =>
    router.service(types.service, conformanceService(types), { jsonOptions: { registry: types.registry } }),
  ready: () => undefined,
  log,
  clock,
});
const decoder = new TextDecoder();
const tls = request.useTls
  ? { cert: decoder.decode(request.serverCreds.cert), key: decoder.decode(request.serverCreds.key) }
  : undefined;
const listener = await edge.listen({ hostname: "127.0.0.1", port: 0, http2, tls });
const pemCert = tls && request.serverCreds.cert;
const response = types.message("ServerCompatResponse");
writeMessage(response, create(response, { host: "127.0.0.1", port: listener.port, pemCert } as never));

Deno.addSignalListener("SIGTERM", async () => {
  await listener.close({ graceMs: 0 });
  Deno.exit(0);
});
