/** Bounds that several rooms must agree on. Every queue, name and payload has one; each says why it is what it is. */
import { assert } from "./assert.ts";
import { invalidArgument } from "./errors.ts";

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

/** An event or an event's answer: fits one gRPC message with room to spare. */
export const EVENT_BYTES_MAX = 6 * MIB;
/** One gRPC message, either way. */
export const MESSAGE_BYTES_MAX = 32 * MIB;
/** A bundle must fit one message of a deploy. */
export const CODE_BYTES_MAX = 20 * MIB;
/** Ids come from callers: long enough for a UUID with a prefix. */
export const REQUEST_ID_LENGTH_MAX = 128;
/** Account ids and container ids (a Docker id has 64 digits). */
export const NAME_LENGTH_MAX = 128;
/** A quarter of an hour: what a caller may reasonably hold a container. */
export const TIMEOUT_MS_MAX = 15 * 60_000;
/** Lower than this not even an empty container starts. */
export const FUNCTION_MEMORY_BYTES_MIN = 64 * MIB;
export const FUNCTION_MEMORY_BYTES_DEFAULT = 128 * MIB;
export const FUNCTION_TIMEOUT_MS_DEFAULT = 60_000;
/** What fits the in-flight field of a container's claim word (8 bits). */
export const CONCURRENCY_MAX = 255;
/** How long a lease outlives its function's timeout before the platform ends it by itself. */
export const LEASE_GRACE_MS = 10_000;
/** A container's CPU quota, in vCPU per GiB of its memory. */
export const VCPU_PER_GIB = 0.67;
/** Functions belong to this account where a caller names none. */
export const DEFAULT_ACCOUNT = "default";

assert(EVENT_BYTES_MAX < MESSAGE_BYTES_MAX && CODE_BYTES_MAX < MESSAGE_BYTES_MAX, "payloads must fit a message");

const FUNCTION_NAME = /^[a-z0-9_-]{1,63}$/;

/** Throws `invalid_argument` unless `name` is 1 to 63 of a-z, 0-9, `_` and `-`. */
export function checkFunctionName(name: string, field = "function_name"): void {
  if (!FUNCTION_NAME.test(name)) throw invalidArgument(field, name, "1 to 63 of a-z, 0-9, _ and -");
}

/** Throws `invalid_argument` unless `value` has 1 to `lengthMax` characters. */
export function checkText(value: string, field: string, lengthMax: number): void {
  if (value.length === 0 || value.length > lengthMax) {
    throw invalidArgument(field, value, `1 to ${lengthMax} characters`);
  }
}

/** Throws `invalid_argument` unless `value` is a whole number in `[min, max]`. `unit` is for the message. */
export function checkInteger(value: number, field: string, min: number, max: number, unit = ""): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    const suffix = unit && ` ${unit}`;
    throw invalidArgument(field, value, `a whole number from ${min} to ${max}${suffix}`);
  }
}
