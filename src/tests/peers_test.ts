/** The port as other people's programs find it. What is not installed here is left out, and said so. */
import { stripVTControlCharacters } from "node:util";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AcquireContainerRequestSchema } from "../../gen/schedulerproto/scheduler_pb.ts";
import { create, toBinary } from "@bufbuild/protobuf";
import { CERTIFICATE, PRIVATE_KEY } from "../rpc/client/identity_testing.ts";
import { type TestOptions, type TestServer, withServer } from "../rpc/testing.ts";
import { findTool, getTool, type GoTool, GRPCURL, H2SPEC } from "./go_tools.ts";
import { commandMissing, output, ROOT } from "./program.ts";

const ACQUIRE = "schedulerproto.Scheduler/AcquireContainer";
const INVOKE = "nodeservoceproto.NodeService/InvokeFunction";
const TLS: TestOptions = { at: { tls: { cert: CERTIFICATE, key: PRIVATE_KEY } } };
const MIB = 2 ** 20;
/** A test run must not grow by more: what takes longer to build is left to those who have it. */
const BUILD_MS_MAX = 40_000;

async function bufCurl(...args: string[]): Promise<string> {
  const { buf } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)).tasks;
  const [, ...command] = buf.command.split(" ");
  return await output(Deno.execPath(), ...command, "curl", ...args);
}

for (const protocol of ["grpc", "grpcweb", "connect"]) {
  const prior = protocol === "grpc" ? ["--http2-prior-knowledge"] : [];
  Deno.test(`buf curl by ${protocol}: a unary call, and one that streams its answers`, () =>
    withServer({}, async ({ url }) => {
      const flags = ["--protocol", protocol, ...prior];
      const unary = await bufCurl(...flags, "-d", '{"requestId":"buf"}', `${url}/${ACQUIRE}`);
      assertEquals(JSON.parse(unary), { containerId: "buf" });
      const streamed = await bufCurl(...flags, "-d", `{"event":"${btoa("hello")}"}`, `${url}/${INVOKE}`);
      assertEquals(streamed.match(/"body": *"aGVsbG8="/g)?.length, 2, streamed);
    }));
}

for (const version of ["--http1.1", "--http2-prior-knowledge"]) {
  Deno.test({
    name: `curl ${version}: megabytes both ways come back as they went`,
    ignore: commandMissing("curl"),
    fn: () =>
      withServer({}, async ({ url }) => {
        const folder = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
        try {
          const sent = new Uint8Array(3 * MIB);
          for (let at = 0; at < sent.length; at += 4_096) sent[at] = at >>> 12;
          await Deno.writeFile(`${folder}/sent`, sent);
          const transfer = ["--data-binary", `@${folder}/sent`, "-o", `${folder}/got`];
          await output("curl", "-sS", "--max-time", "60", version, ...transfer, `${url}/echo`);
          assertEquals(await Deno.readFile(`${folder}/got`), sent);
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      }),
  });
}

Deno.test({
  name: "h2load: 2,000 gRPC calls, 128 at once, are all answered",
  ignore: commandMissing("h2load"),
  fn: () =>
    withServer({}, async ({ url }) => {
      const folder = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
      try {
        const message = toBinary(
          AcquireContainerRequestSchema,
          create(AcquireContainerRequestSchema, { requestId: "h" }),
        );
        await Deno.writeFile(`${folder}/message`, new Uint8Array([0, 0, 0, 0, message.length, ...message]));
        const load = ["-n", "2000", "-c", "4", "-m", "32", "-d", `${folder}/message`];
        const headers = ["content-type: application/grpc", "te: trailers", "grpc-timeout: 30S"];
        const said = await output("h2load", ...load, ...headers.flatMap((one) => ["-H", one]), `${url}/${ACQUIRE}`);
        assertMatch(said, /2000 succeeded, 0 failed, 0 errored/);
        assertMatch(said, /status codes: 2000 2xx/);
        // Each answer is a message of 3 bytes with its prefix of 5.
        assertStringIncludes(said, "(16000) data");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }),
});

Deno.test("grpcurl: what is served, by reflection; a call; a stream; an error", async (t) => {
  const grpcurl = await findTool(GRPCURL);
  if (!grpcurl) return console.log("grpcurl is not installed: left out");
  for (const [name, options, flags] of [["in the clear", {}, "-plaintext"], ["with TLS", TLS, "-insecure"]] as const) {
    await t.step(name, () =>
      withServer(options, async ({ address }) => {
        const services = await output(grpcurl, flags, address, "list");
        assertStringIncludes(services, "schedulerproto.Scheduler");
        const described = await output(grpcurl, flags, address, "describe", "schedulerproto.Scheduler");
        assertStringIncludes(described, "rpc ReturnContainer");
        const reply = await output(grpcurl, flags, "-d", '{"request_id":"go"}', address, ACQUIRE);
        assertEquals(JSON.parse(reply), { containerId: "go" });
        const streamed = await output(grpcurl, flags, "-d", `{"event":"${btoa("hello")}"}`, address, INVOKE);
        assertEquals(streamed.match(/"body": *"aGVsbG8="/g)?.length, 2, streamed);
        const failed = await output(grpcurl, flags, "-d", '{"request_id":"fail"}', address, INVOKE).catch(String);
        assertMatch(failed, /Code: Internal\s+Message: broke in the middle/);
      }));
  }
});

Deno.test("h2spec finds nothing, strict cases included", async (t) => {
  const h2spec = await programOf(H2SPEC);
  if (!h2spec) return;
  await t.step("with TLS", () => withServer(TLS, (server) => spec(h2spec, server, ["-t", "-k"], [])));
  // This port speaks HTTP/1.1 too: what begins otherwise than HTTP/2 is answered by that.
  const known = ["Sends invalid connection preface"];
  await t.step("in the clear", () => withServer({}, (server) => spec(h2spec, server, [], known)));
});

async function spec(h2spec: string, { listener }: TestServer, flags: string[], known: string[]): Promise<void> {
  const at = ["-h", "127.0.0.1", "-p", String(listener.port), "-P", "/healthz", "-S", "-o", "5"];
  const { stdout } = await new Deno.Command(h2spec, { args: [...at, ...flags] }).output();
  const said = stripVTControlCharacters(new TextDecoder().decode(stdout));
  const [, cases, passed] = /(\d+) tests, (\d+) passed/.exec(said) ?? [];
  assert(Number(cases) > 100, said);
  assertEquals(Number(cases) - Number(passed), known.length, said);
  for (const text of known) assertMatch(said, new RegExp(`× .*${text}`));
}

async function programOf(tool: GoTool): Promise<string | undefined> {
  const { program, missing } = await getTool(tool, BUILD_MS_MAX);
  if (program === undefined) console.log(`${missing}: left out`);
  return program;
}
