/** Assertions stay on in production: a broken one means a bug of ours, never a user's mistake. */

/** Thrown where the program contradicts itself. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Throws {@linkcode AssertionError} with `message` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Throws unless `value` is a whole number in `[min, max]`. */
export function assertInteger(value: number, min: number, max: number, name: string): void {
  assert(
    Number.isInteger(value) && value >= min && value <= max,
    `${name} is ${value}, must be a whole number from ${min} to ${max}`,
  );
}
