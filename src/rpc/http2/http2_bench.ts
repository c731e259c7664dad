/** What a unary call costs a server's connection, and a body both: `deno bench -A src/rpc/http2/http2_bench.ts`. */
import { Heard, pair, REQUEST } from "./testing.ts";
import { CALLS, UnaryCalls } from "./unary_testing.ts";

let calls: UnaryCalls | undefined;
Deno.bench({ name: `server: ${CALLS} unary calls in one chunk`, group: "http2" }, () => {
  calls ??= new UnaryCalls();
  calls.step();
});

const big = new Uint8Array(1 << 20);
const carried = pair();
carried.serverWire.onStream = (stream) => {
  const heard = new Heard();
  heard.onData = (bytes, endStream) => {
    stream.consume(bytes.length);
    if (endStream) stream.sendHeaders([":status", "200"], true);
  };
  stream.receiver = heard;
};
Deno.bench({ name: "client to server: a body of 1 MiB", group: "body" }, () => {
  carried.client.open(REQUEST, false, new Heard())!.sendData(big, true);
  carried.run();
});
