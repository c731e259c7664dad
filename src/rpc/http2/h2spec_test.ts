/**
 * Other people's reading of RFC 9113 and 7541: h2spec, where it is there
 * (`go install github.com/summerwind/h2spec/cmd/h2spec@latest`), strict, against a server's connection on a bare socket.
 */
import { assertEquals, assertMatch } from "@std/assert";
import * as net from "node:net";
import { createServerConnection } from "./server.ts";
import type { Stream } from "./types.ts";

/** How long h2spec waits for each answer: far more than it takes, for busy machines. */
const ANSWER_WAIT_SECONDS = 10;
/** More than a window of a few bytes lets through, as some of its cases need. */
const BODY = new Uint8Array(200).fill(0x61);

/** The program, from the path or from where Go puts it; undefined where it does not run. */
async function findH2spec(): Promise<string | undefined> {
  const home = Deno.env.get("HOME") ?? "";
  for (const path of ["h2spec", `${Deno.env.get("GOBIN") ?? `${home}/go/bin`}/h2spec`]) {
    try {
      const { success } = await new Deno.Command(path, { args: ["--version"], stdout: "null", stderr: "null" })
        .output();
      if (success) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function answer(stream: Stream): void {
  stream.sendHeaders([":status", "200", "content-type", "text/plain"], false);
  stream.sendData(BODY, true);
}

function serve(socket: net.Socket): void {
  const connection = createServerConnection({
    write: (bytes) => socket.write(bytes),
    wantFlush: () => queueMicrotask(() => connection.flush()),
    end: () => socket.end(),
    onStream(stream, _fields, endStream) {
      stream.receiver = {
        onHeaders() {},
        onData(bytes, endStream) {
          stream.consume(bytes.length);
          if (endStream) answer(stream);
        },
        onTrailers: () => answer(stream),
        onDrain() {},
        onReset() {},
      };
      if (endStream) answer(stream);
    },
    onFault(error) {
      throw error;
    },
  });
  socket.on("data", (chunk: Uint8Array) => connection.receive(chunk));
  socket.on("drain", () => connection.writable());
  socket.on("error", () => {});
  socket.on("close", () => connection.closed());
}

const h2spec = await findH2spec();
if (h2spec === undefined) console.log("h2spec is not here: its cases are skipped");

Deno.test({
  name: "h2spec finds nothing wrong",
  ignore: h2spec === undefined,
  async fn() {
    const sockets = new Set<net.Socket>();
    const server = net.createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      serve(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as net.AddressInfo;
    try {
      const { code, stdout } = await new Deno.Command(h2spec!, {
        args: ["--strict", "--host", "127.0.0.1", "--port", `${port}`, "--timeout", `${ANSWER_WAIT_SECONDS}`],
      }).output();
      const report = new TextDecoder().decode(stdout);
      const failures = report.slice(Math.max(0, report.indexOf("Failures:")));
      assertEquals(code, 0, failures);
      assertMatch(report, /^\d+ tests, \d+ passed, 0 skipped, 0 failed$/m);
    } finally {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    }
  },
});
