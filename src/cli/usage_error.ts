/** A command line, variable or file that says what cannot be meant. Told in one line; the exit code is 2. */
export class UsageError extends Error {
  override name = "UsageError";
}
