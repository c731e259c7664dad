import type { ConnectError } from "@connectrpc/connect";
import { parseTimeout as parseByConnect } from "@connectrpc/connect/protocol-grpc";

/** What a timer can count: a longer timeout would end at once, so it is refused with a clear error. */
export const TIMEOUT_MS_LIMIT = 2 ** 31 - 1;
const DIGITS_MAX = 8;

/** What is wrong with a timeout, in the words all protocols use here; undefined where nothing is. */
export function timeoutError(value: string): ConnectError | undefined {
  return parseByConnect(value, TIMEOUT_MS_LIMIT).error;
}

/**
 * The milliseconds of a `grpc-timeout`: 1 to 8 digits and a unit (H, M, S, m, u, n). NaN where it is none or too long, as
 * {@linkcode timeoutError} explains.
 */
export function parseTimeoutMs(value: string): number {
  const digits = value.length - 1;
  if (digits < 1 || digits > DIGITS_MAX) return NaN;
  let number = 0;
  for (let i = 0; i < digits; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return NaN;
    number = number * 10 + digit;
  }
  const ms = number * unitMs(value.charCodeAt(digits));
  return ms <= TIMEOUT_MS_LIMIT ? ms : NaN;
}

function unitMs(unit: number): number {
  switch (unit) {
    case 72: // H
      return 3_600_000;
    case 77: // M
      return 60_000;
    case 83: // S
      return 1_000;
    case 109: // m
      return 1;
    case 117: // u
      return 1e-3;
    case 110: // n
      return 1e-6;
    default:
      return NaN;
  }
}
