/** `functions=5,minutes=1`: numbers by name. */
import { invalidArgument } from "../../base/mod.ts";
import { nearest } from "../suggest.ts";
import { UsageError } from "../usage_error.ts";

/** What a parameter may be. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly help: string;
}

/** The numbers in `text`. Throws {@linkcode UsageError} naming the parameter of `owner`, what was found, and bounds. */
export function parseParameters(
  owner: string,
  text: string,
  known: Readonly<Record<string, Bounds>>,
): Record<string, number> {
  const values: Record<string, number> = {};
  for (const part of text === "" ? [] : text.split(",")) {
    const [key, value] = part.split("=", 2);
    const bounds = Object.hasOwn(known, key) ? known[key] : undefined;
    if (!bounds) throw new UsageError(unknown(owner, key, Object.keys(known)));
    const { min, max, help } = bounds;
    const number = value === undefined || value.trim() === "" ? NaN : Number(value);
    const isCount = key === "functions" && !Number.isInteger(number);
    if (!(number >= min && number <= max) || isCount) {
      const allowed = `${isCount ? "a whole number" : "a number"} from ${min} to ${max}: ${help}`;
      throw new UsageError(invalidArgument(`${key} of ${owner}`, value, allowed).message);
    }
    values[key] = number;
  }
  return values;
}

function unknown(owner: string, key: string, known: readonly string[]): string {
  if (known.length === 0) return `"${key}" is no parameter of ${owner}, which has none`;
  const meant = nearest(key, known);
  return `"${key}" is no parameter of ${owner}, must be one of ${known.join(", ")}${
    meant ? `; did you mean ${meant}?` : ""
  }`;
}
