/** The standard status codes that this platform uses, by their gRPC names. */
export type ErrorCode =
  | "cancelled"
  | "unknown"
  | "invalid_argument"
  | "deadline_exceeded"
  | "not_found"
  | "already_exists"
  | "permission_denied"
  | "resource_exhausted"
  | "failed_precondition"
  | "aborted"
  | "out_of_range"
  | "unimplemented"
  | "internal"
  | "unavailable"
  | "data_loss"
  | "unauthenticated";

/**
 * How an invocation failed, as ReturnContainer's `error_code` and a footer's `error_code` say it:
 * - `exception`: the function threw; the container goes on
 * - `import`: the code could not be loaded or has no such handler
 * - `timeout`, `out_of_memory`, `output_limit`: it was stopped at its limit; the container is not used again
 * - `crash`: its process ended by itself; the container is not used again
 * - `unavailable`: the node or the container went away
 * - `cancelled`: the caller left
 */
export type FailureKind = (typeof FAILURE_KINDS)[number];
export const FAILURE_KINDS = [
  "exception",
  "import",
  "timeout",
  "out_of_memory",
  "output_limit",
  "crash",
  "unavailable",
  "cancelled",
] as const;

/** The failures after which a container takes no further invocation. */
export function endsContainer(kind: string): boolean {
  return kind === "timeout" || kind === "out_of_memory" || kind === "output_limit" || kind === "crash" ||
    kind === "import" || kind === "unavailable";
}

/**
 * An error with a standard code and a message for the person who caused it. Handlers throw it; `rpc/` turns it into
 * the protocol's own form, and turns what comes back from another service into it.
 */
export class PlatformError extends Error {
  override name = "PlatformError";
  /** Where trying again makes sense: how long to wait before it, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Where an invocation failed: how. */
  readonly failure?: FailureKind;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { retryAfterMs?: number; failure?: FailureKind; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
    this.failure = options.failure;
  }
}

/** An `invalid_argument` that names the field, what was found and what is allowed. */
export function invalidArgument(field: string, found: unknown, allowed: string): PlatformError {
  return new PlatformError("invalid_argument", `${field} is ${quote(found)}, must be ${allowed}`);
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replaceAll(/\s*\n\s*/g, " ");
}

/** Whether another try of the same call may succeed. */
export function isRetryable(error: unknown): boolean {
  return error instanceof PlatformError && error.code === "unavailable";
}

function quote(value: unknown): string {
  if (value === undefined || value === "") return "missing";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 80 ? value.slice(0, 77) + "..." : value);
}
