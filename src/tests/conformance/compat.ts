/** How the conformance runner speaks with the programs it tests: messages with their length before them. */
import { type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";

/**
 * A message or a part of one. Its type stands in a descriptor that is read when the program starts, so the compiler
 * knows nothing of its fields.
 */
// deno-lint-ignore no-explicit-any -- see above
export type Dynamic = Message & Record<string, any>;

const LENGTH_BYTES = 4;
/** Longer than any message of the suites. */
const MESSAGE_BYTES_MAX = 64 * 2 ** 20;

/** The messages on stdin, until it ends. */
export async function* readMessages(type: DescMessage): AsyncGenerator<Dynamic> {
  const reader = Deno.stdin.readable.getReader();
  let rest: Uint8Array = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const bytes = new Uint8Array(rest.length + value.length);
    bytes.set(rest);
    bytes.set(value, rest.length);
    let at = 0;
    while (at + LENGTH_BYTES <= bytes.length) {
      const length = new DataView(bytes.buffer, at).getUint32(0);
      if (length > MESSAGE_BYTES_MAX) throw new Error(`a message of ${length} bytes, at most ${MESSAGE_BYTES_MAX}`);
      if (at + LENGTH_BYTES + length > bytes.length) break;
      yield fromBinary(type, bytes.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length)) as Dynamic;
      at += LENGTH_BYTES + length;
    }
    rest = bytes.slice(at);
  }
}

/** Writes one message to stdout. */
export function writeMessage(type: DescMessage, message: Message): void {
  const body = toBinary(type, message);
  const bytes = new Uint8Array(LENGTH_BYTES + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, LENGTH_BYTES);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
