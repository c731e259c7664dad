/** Headers as the suites' messages hold them. */
import type { Dynamic } from "./compat.ts";

export interface Header {
  readonly name: string;
  readonly value: string[];
}

export function toHeaders(headers: Headers): Header[] {
  return [...headers].map(([name, value]) => ({ name, value: value.split(", ") }));
}

export function addHeaders(from: readonly Dynamic[], to: Headers): void {
  for (const { name, value } of from) for (const one of value) to.append(name, one);
}
