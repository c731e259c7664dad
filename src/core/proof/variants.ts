/** Broken builds of core, for tests only: what the exploration must find, and in which case. */
import { assert } from "../../base/mod.ts";
import { type Core, type Edit, loadCore } from "./load.ts";

export interface Variant {
  readonly name: string;
  readonly file: string;
  /** The method that is broken, and what of its text becomes what. */
  readonly method: string;
  readonly text: string;
  readonly becomes: string;
  readonly foundBy: string;
}

const CAS = { text: "Atomics.compareExchange(", becomes: "Atomics.checkThenStore(" };

export const VARIANTS: readonly Variant[] = [
  { name: "reserve checks, then stores", file: "nodes.ts", method: "reserve", ...CAS, foundBy: "reserve" },
  { name: "claim checks, then stores", file: "containers.ts", method: "claim", ...CAS, foundBy: "claim" },
  { name: "grant checks, then stores", file: "tickets.ts", method: "grant", ...CAS, foundBy: "grant-cancel" },
  {
    name: "no second look after the un-claim",
    file: "queue.ts",
    method: "match",
    text: "if (this.isEmpty(functionSlot)) return;",
    becomes: "return;",
    foundBy: "enqueue-unclaim",
  },
  {
    name: "no second look after an insertion",
    file: "leases.ts",
    method: "insert",
    text: "const rival = this.lookAt(hash, first, spills === 0 ? first : second, index);",
    becomes: 'const rival = "none";',
    foundBy: "lease-insert",
  },
  {
    name: "an insertion to the second bucket is not counted",
    file: "leases.ts",
    method: "insert",
    text: "const spilled = index >>> 3 === first ? 0 : 1;",
    becomes: "const spilled = 0;",
    foundBy: "lease-spill",
  },
  { name: "cancel checks, then stores", file: "tickets.ts", method: "cancel", ...CAS, foundBy: "grant-cancel" },
  { name: "retire checks, then stores", file: "containers.ts", method: "retire", ...CAS, foundBy: "retire-replace" },
  { name: "pop checks, then stores", file: "queue.ts", method: "pop", ...CAS, foundBy: "ring-full" },
  { name: "push checks, then stores", file: "queue.ts", method: "push", ...CAS, foundBy: "ring-wrap" },
  {
    name: "pop does not look at the head again",
    file: "queue.ts",
    method: "pop",
    text: "if (Atomics.load(this.words, at + RING_HEAD) !== head) continue;",
    becomes: "",
    foundBy: "ring-full",
  },
  {
    name: "a lease is ended whatever life it is in",
    file: "leases.ts",
    method: "beginEnd",
    text: "{\n",
    becomes: "{\n    life = this.generation(index);\n",
    foundBy: "lease-end",
  },
];

/** Loads core with the variant in it; throws where the text it changes is not there any more. */
export function loadVariant({ name, file, method, text, becomes }: Variant): Promise<Core> {
  let done = false;
  const edit: Edit = (at, source) => {
    if (at !== file) return source;
    const start = new RegExp(`^  (?:private )?${method}\\(`, "m").exec(source)?.index ?? -1;
    const end = source.indexOf("\n  }\n", start);
    const body = source.slice(start, end);
    assert(start >= 0 && body.includes(text), `variant "${name}": ${file} has no ${text} in ${method} any more`);
    done = true;
    return source.slice(0, start) + body.replaceAll(text, () => becomes) + source.slice(end);
  };
  return loadCore(edit).then((core) => {
    assert(done, `variant "${name}": core has no ${file} any more`);
    return core;
  });
}
