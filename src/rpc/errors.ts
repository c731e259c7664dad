import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type ErrorCode, FAILURE_KINDS, type FailureKind, messageOf, PlatformError } from "../base/mod.ts";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

/** Each standard code: its number on the wire and the HTTP status that stands for it. */
const CODES: Record<ErrorCode, readonly [wire: Code, httpStatus: number]> = {
  cancelled: [Code.Canceled, 499],
  unknown: [Code.Unknown, 500],
  invalid_argument: [Code.InvalidArgument, 400],
  deadline_exceeded: [Code.DeadlineExceeded, 504],
  not_found: [Code.NotFound, 404],
  already_exists: [Code.AlreadyExists, 409],
  permission_denied: [Code.PermissionDenied, 403],
  resource_exhausted: [Code.ResourceExhausted, 429],
  failed_precondition: [Code.FailedPrecondition, 400],
  aborted: [Code.Aborted, 409],
  out_of_range: [Code.OutOfRange, 400],
  unimplemented: [Code.Unimplemented, 501],
  internal: [Code.Internal, 500],
  unavailable: [Code.Unavailable, 503],
  data_loss: [Code.DataLoss, 500],
  unauthenticated: [Code.Unauthenticated, 401],
};

const NAMES = new Map<Code, ErrorCode>();
for (const name of Object.keys(CODES) as ErrorCode[]) NAMES.set(CODES[name][0], name);

const FAILURE_HEADER = "x-minifaas-failure";
const FAILURES: ReadonlySet<string> = new Set(FAILURE_KINDS);
/** What a message on the wire is cut to: trailers have a bound of 16 KiB in most clients, and percent-encoding triples. */
const MESSAGE_LENGTH_MAX = 2_000;
/** Node's names for a connection that could not be made or did not last. */
const LOST_CONNECTION =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT|ERR_HTTP2_.*|ERR_STREAM_.*)$/;
/** What Connect says where a reply stops before its end: no trailers, or half a message. */
const CUT_SHORT =
  /^(protocol error: (missing (status|trailer|EndStreamResponse)|incomplete envelope|promised \d+ bytes)|http\/2 (stream|connection) closed)/;

/** The HTTP status that stands for `code`, as the Connect protocol maps it. */
export function httpStatusOf(code: ErrorCode): number {
  return CODES[code][1];
}

/** The headers that go with an error over any protocol: how an invocation failed, when to try again. */
export function errorHeaders(error: PlatformError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.failure !== undefined) headers[FAILURE_HEADER] = error.failure;
  if (error.retryAfterMs !== undefined) {
    headers["retry-after"] = String(Math.ceil(error.retryAfterMs / 1000));
    headers["retry-after-ms"] = String(Math.ceil(error.retryAfterMs));
  }
  return headers;
}

/** An error as the answer to a plain HTTP request: one line of JSON, shaped as Connect's own errors are. */
export function errorResponse(error: PlatformError): Response {
  const body = JSON.stringify({ code: error.code, message: error.message }) + "\n";
  const headers = { "content-type": "application/json", ...errorHeaders(error) };
  return new Response(body, { status: httpStatusOf(error.code), headers });
}

/**
 * What `error` is on the wire. A `PlatformError` keeps its code, message, failure and retry delay; a `ConnectError`
 * passes; everything else is `internal` with the first line of its message, and its stack stays here.
 */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  if (!(error instanceof PlatformError)) return new ConnectError(firstLine(error), Code.Internal);
  const details = [];
  if (error.retryAfterMs !== undefined) {
    const delayMs = Math.max(0, Math.ceil(error.retryAfterMs));
    const retryDelay = { seconds: BigInt(Math.floor(delayMs / 1000)), nanos: (delayMs % 1000) * 1_000_000 };
    details.push({ desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay }) });
  }
  const message = cut(messageOf(error));
  return new ConnectError(message, CODES[error.code][0], errorHeaders(error), details, error);
}

/**
 * What an error of a call to another service is in our words: code, message, failure and retry delay as the other side
 * gave them. A connection that was refused or lost is `unavailable`; where the caller's own `signal` is aborted,
 * `cancelled` (`deadline_exceeded` where its reason says so).
 */
export function fromConnectError(error: unknown, signal?: AbortSignal): PlatformError {
  if (error instanceof PlatformError) return error;
  const found = ConnectError.from(error, Code.Unknown);
  if (found.cause instanceof PlatformError) return found.cause;
  if (signal?.aborted && found.code !== Code.DeadlineExceeded) {
    return signal.reason instanceof PlatformError
      ? signal.reason
      : new PlatformError(isTimeout(signal.reason) ? "deadline_exceeded" : "cancelled", firstLine(signal.reason), {
        cause: error,
      });
  }
  if (isLostConnection(found)) {
    return new PlatformError("unavailable", firstLine(found.rawMessage || error), { cause: error });
  }
  const failure = found.metadata.get(FAILURE_HEADER) ?? "";
  return new PlatformError(NAMES.get(found.code) ?? "unknown", found.rawMessage, {
    cause: error,
    retryAfterMs: retryAfterMsOf(found),
    failure: FAILURES.has(failure) ? failure as FailureKind : undefined,
  });
}

function retryAfterMsOf(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay) return Number(delay.seconds) * 1000 + delay.nanos / 1_000_000;
  const header = Number(error.metadata.get("retry-after-ms") ?? NaN);
  return Number.isFinite(header) && header >= 0 ? header : undefined;
}

/** An error that came from the socket, not from the other side's handler. */
function isLostConnection(error: ConnectError): boolean {
  if (CUT_SHORT.test(error.rawMessage)) return true;
  for (let cause = error.cause, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth++) {
    if ("code" in cause && typeof cause.code === "string" && LOST_CONNECTION.test(cause.code)) return true;
  }
  return false;
}

function isTimeout(reason: unknown): boolean {
  if (reason instanceof ConnectError) return reason.code === Code.DeadlineExceeded;
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error ?? "cancelled");
  return cut(text.split("\n", 1)[0].trim());
}

function cut(text: string): string {
  return text.length > MESSAGE_LENGTH_MAX ? text.slice(0, MESSAGE_LENGTH_MAX - 3) + "..." : text;
}
