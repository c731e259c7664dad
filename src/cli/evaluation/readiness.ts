/** Waits until a scheduler answers, whatever it is written in. */
import { type Clock, messageOf, newId, PlatformError, sleep } from "../../base/mod.ts";
import type { SchedulerPort } from "../../scheduler/mod.ts";

const PAUSE_MS = 200;
const CALL_MS = 5_000;

/** What is no scheduler will not become one by waiting. */
const NOT_GRPC = /without a gRPC status|content-type of|it speaks TLS|it speaks no|no trusted CA/;

/**
 * Resolves when the scheduler takes a return. That of a lease it has never heard of is no error on this wire, and of
 * others whatever they make of it is an answer. Errors: `unauthenticated` and `unimplemented` at once, `unavailable`
 * after `waitMs`; each says where, and what to do.
 */
export async function schedulerReady(
  parts: { clock: Clock; scheduler: Pick<SchedulerPort, "release">; address: string; signal: AbortSignal },
  waitMs: number,
): Promise<void> {
  const { clock, scheduler, address, signal } = parts;
  const deadlineMs = clock.nowMs() + waitMs;
  for (;;) {
    try {
      await scheduler.release(probe(), { timeoutMs: Math.max(PAUSE_MS, Math.min(CALL_MS, waitMs)), signal });
      return;
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof PlatformError)) throw error;
      const found = judge(error, address);
      if (found === "ready") return;
      if (found !== "wait") throw found;
      if (clock.nowMs() + PAUSE_MS >= deadlineMs) {
        const message = `no scheduler answers at ${address} after ${waitMs / 1_000} s: ${messageOf(error)}`;
        throw new PlatformError("unavailable", message, { cause: error });
      }
    }
    await sleep(clock, PAUSE_MS, signal);
  }
}

function judge(error: PlatformError, address: string): PlatformError | "ready" | "wait" {
  if (NOT_GRPC.test(error.message)) {
    return new PlatformError("unavailable", `what listens at ${address} is no scheduler: ${messageOf(error)}`);
  }
  switch (error.code) {
    case "unavailable":
    case "deadline_exceeded":
      return "wait";
    case "unauthenticated":
    case "permission_denied":
      return new PlatformError(error.code, `${address}: ${messageOf(error)}; name its file with --token-file`);
    case "unimplemented": {
      const message = `${address} speaks gRPC, but is no schedulerproto.Scheduler: ${messageOf(error)}`;
      return new PlatformError("unimplemented", message);
    }
    default:
      return "ready";
  }
}

function probe() {
  const requestId = `probe-${newId()}`;
  const run = { durationNanos: 0, maxMemoryBytes: 0, errorCode: "", errorMessage: "" };
  return { requestId, containerId: "none", ...run };
}
