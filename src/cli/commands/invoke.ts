import * as path from "node:path";
import { EVENT_BYTES_MAX, messageOf, MIB, TIMEOUT_MS_MAX } from "../../base/mod.ts";
import { command, EXIT, type Input, outJson } from "../command.ts";
import { connectionFlags, withPlatform } from "../connection.ts";
import { optional } from "../flags.ts";
import { readAll } from "../io.ts";
import { text } from "../kinds.ts";
import { withProgress } from "../progress.ts";
import { UsageError } from "../usage_error.ts";

/** The longest run there can be, and as long in the queue before it. */
const WAIT_MS_MAX = 2 * TIMEOUT_MS_MAX;

const flags = {
  event: optional(text("JSON"), "the event (default {})"),
  eventFile: optional(text("FILE", "a file"), "file that holds the event; - is stdin"),
  ...connectionFlags,
};

export const invoke = command({
  name: "invoke",
  summary: "Run a function once and print what it answers",
  takes: ["NAME", "[-]"],
  flags,
  details: ["The answer's bytes go to stdout as they are. A - after the name reads the event from stdin."],
  examples: [
    'invoke hello --event \'{"name":"Ada"}\'',
    "invoke resize --event-file photo.json",
    "invoke hello - < e.json",
  ],
  async run(input) {
    const { values, rest: [name], io } = input;
    const event = await readEvent(input);
    return await withPlatform(values, io, async ({ api }) => {
      const request = { accountId: values.account, functionName: name, event };
      const call = () => api.invokeFunction(request, { timeoutMs: WAIT_MS_MAX });
      const { requestId, body, serverSideLatencyInMs } = await withProgress(io, `running ${name}`, call);
      if (values.json) outJson(io, { requestId, body: readable(body), latencyMs: serverSideLatencyInMs });
      else io.out(body);
      return EXIT.ok;
    });
  },
});

async function readEvent({ values, rest, io }: Input<typeof flags>): Promise<Uint8Array<ArrayBuffer>> {
  if (rest.length > 1 && rest[1] !== "-") {
    throw new UsageError(`"${rest[1]}" after the name is no -; events go to --event`);
  }
  const stdin = rest[1] === "-" || values.eventFile === "-";
  const given = [stdin, values.event !== undefined, values.eventFile !== undefined && values.eventFile !== "-"];
  if (given.filter(Boolean).length > 1) throw new UsageError("the event comes from one of --event, --event-file and -");
  let event: Uint8Array | undefined;
  if (stdin) event = await io.readStdin(EVENT_BYTES_MAX);
  else if (values.eventFile !== undefined) event = await readFile(values.eventFile, io.cwd);
  else event = new TextEncoder().encode(values.event ?? "{}");
  if (event && event.length <= EVENT_BYTES_MAX) return new Uint8Array(event);
  throw new UsageError(`the event is larger than ${EVENT_BYTES_MAX / MIB} MiB, which is the most allowed`);
}

async function readFile(file: string, cwd: string): Promise<Uint8Array | undefined> {
  try {
    const { readable } = await Deno.open(path.resolve(cwd, file));
    return await readAll(readable, EVENT_BYTES_MAX);
  } catch (error) {
    throw new UsageError(`event file ${file} cannot be read: ${messageOf(error)}`);
  }
}

/** JSON as what it says, other text as text, other bytes in base64. */
function readable(body: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return { base64: body.toBase64() };
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
