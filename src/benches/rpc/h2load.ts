/** A load client that is none of ours: h2load of nghttp2. */
import { TIMEOUT_MS_FROM } from "./client/requests.ts";

/** A grant's prefix, and something in it. */
const REPLY_BYTES_MIN = 10;

export interface H2loadResult {
  readonly calls: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** `calls` acquires with the same message, `connections` × `streams` in flight. Throws what h2load says where it fails. */
export async function h2load(
  address: string,
  message: Uint8Array,
  load: { readonly calls: number; readonly connections: number; readonly streams: number },
): Promise<H2loadResult> {
  const folder = await Deno.makeTempDir({ prefix: "mini-faas-bench-" });
  try {
    await Deno.writeFile(`${folder}/message`, message);
    const { success, stdout, stderr } = await new Deno.Command("h2load", {
      args: [
        ...["-n", `${load.calls}`, "-c", `${load.connections}`, "-m", `${load.streams}`, "-t", "1"],
        // Windows of 1 GiB: the client is not to be what waits.
        ...["-w", "30", "-W", "30", "-d", `${folder}/message`, `--log-file=${folder}/log`],
        ...["-H", "content-type: application/grpc", "-H", "te: trailers", "-H", `grpc-timeout: ${TIMEOUT_MS_FROM}m`],
        `http://${address}/schedulerproto.Scheduler/AcquireContainer`,
      ],
    }).output();
    const said = new TextDecoder().decode(stdout);
    if (!success) throw new Error(`h2load: ${said}${new TextDecoder().decode(stderr)}`);
    // Errors come with status 200 too, but without a message.
    const dataBytes = Number(/\((\d+)\) data/.exec(said)?.[1] ?? 0);
    if (dataBytes < load.calls * REPLY_BYTES_MIN) throw new Error(`h2load: replies without messages: ${said}`);
    return parse(said, await Deno.readTextFile(`${folder}/log`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function parse(said: string, log: string): H2loadResult {
  const perSecond = Number(/finished in .*?, ([\d.]+) req\/s/.exec(said)?.[1] ?? 0);
  const counts = /requests: (\d+) total, .*? (\d+) succeeded/.exec(said);
  const calls = Number(counts?.[1] ?? 0);
  // Start, status and duration, in microseconds, a line for each.
  const times = log.trim().split("\n").map((line) => Number(line.split("\t")[2])).sort((a, b) => a - b);
  const at = (q: number) => times[Math.min(times.length - 1, Math.floor(q * times.length))] ?? 0;
  return { calls, failed: calls - Number(counts?.[2] ?? 0), perSecond, p50Us: at(0.5), p99Us: at(0.99) };
}
