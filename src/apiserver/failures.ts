/** The one table of what a failure means to a caller, as status code and over HTTP. */
import { type ErrorCode, type FailureKind, type InvocationFooter, messageOf, PlatformError } from "../base/mod.ts";

type Failure = NonNullable<InvocationFooter["failure"]>;

const FAILURES: Record<FailureKind, { readonly code: ErrorCode; readonly status: number }> = {
  exception: { code: "unknown", status: 500 },
  import: { code: "failed_precondition", status: 502 },
  timeout: { code: "deadline_exceeded", status: 504 },
  // The same code as a full queue, which has no failure kind and a retry delay instead.
  out_of_memory: { code: "resource_exhausted", status: 502 },
  output_limit: { code: "resource_exhausted", status: 502 },
  crash: { code: "internal", status: 502 },
  unavailable: { code: "unavailable", status: 503 },
  cancelled: { code: "cancelled", status: 499 },
};

const STATUS: Partial<Record<ErrorCode, number>> = {
  cancelled: 499,
  invalid_argument: 400,
  out_of_range: 400,
  failed_precondition: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  aborted: 409,
  resource_exhausted: 429,
  unimplemented: 501,
  unavailable: 503,
  deadline_exceeded: 504,
};

/** The error that a caller is told when its invocation failed. */
export function errorOf(failure: Failure): PlatformError {
  return new PlatformError(FAILURES[failure.kind].code, failure.message, { failure: failure.kind });
}

/** The HTTP status of an error: by its failure kind where it has one, else by its code. */
export function statusOf(error: PlatformError): number {
  return error.failure ? FAILURES[error.failure].status : STATUS[error.code] ?? 500;
}

/** Anything thrown as a PlatformError; what is not one already is a bug, told as `internal`. */
export function platformErrorOf(error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  return new PlatformError("internal", messageOf(error), { cause: error });
}

/** The failure that an error stands for, for the scheduler's account of the lease. */
export function failureOf(error: PlatformError): Failure {
  const kinds: Partial<Record<ErrorCode, FailureKind>> = {
    cancelled: "cancelled",
    deadline_exceeded: "timeout",
    unavailable: "unavailable",
    not_found: "unavailable",
  };
  return { kind: error.failure ?? kinds[error.code] ?? "exception", message: error.message };
}
