/** Where an encoder finds what both sides know already: by name, then by value. */
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from "./static_table.ts";

/** How a literal is written: into the table (6.2.1), past it (6.2.2), or past every table on its way (6.2.3). */
export const Treatment = { INDEXED: 0, PLAIN: 1, NEVER: 2 } as const;
export type Treatment = typeof Treatment[keyof typeof Treatment];

/** Secrets that a table shared with others would help to guess (7.1.3). */
const NEVER_INDEXED = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
/** Fields that seldom say the same twice: in the table they would only push out what does. */
const CHANGING = [
  "age",
  "connect-timeout-ms",
  "content-length",
  "content-range",
  "date",
  "etag",
  "expires",
  "grpc-message",
  "grpc-timeout",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "last-modified",
  "location",
  "traceparent",
  "x-request-id",
];

/** What is the same for a name on every connection. */
interface NameTraits {
  readonly treatment: Treatment;
  /** The first entry of the static table with this name; 0 where there is none. */
  readonly staticIndex: number;
  /** The static table's entries with this name, by value. */
  readonly staticValues: ReadonlyMap<string, number> | undefined;
}

/** A name as one encoder knows it. */
export interface KnownName extends NameTraits {
  readonly name: string;
  /** The dynamic table's entries with this name: number by value. Made when there is one. */
  values: Map<string, number> | undefined;
  /** The number of the newest of them: as long as there is one it is there, being evicted last. */
  newestId: number;
}

const TRAITS: ReadonlyMap<string, NameTraits> = collectTraits();

function collectTraits(): Map<string, NameTraits> {
  const traits = new Map<string, NameTraits & { staticValues: Map<string, number> | undefined }>();
  for (let index = 1; index <= STATIC_COUNT; index++) {
    const name = STATIC_NAMES[index];
    const of = traits.get(name) ??
      { treatment: treatmentOf(name), staticIndex: index, staticValues: new Map<string, number>() };
    of.staticValues?.set(STATIC_VALUES[index], index);
    traits.set(name, of);
  }
  for (const name of [...CHANGING, ...NEVER_INDEXED]) {
    if (!traits.has(name)) {
      traits.set(name, { treatment: treatmentOf(name), staticIndex: 0, staticValues: undefined });
    }
  }
  return traits;
}

function treatmentOf(name: string): Treatment {
  if (NEVER_INDEXED.includes(name)) return Treatment.NEVER;
  return CHANGING.includes(name) || name.endsWith("-bin") ? Treatment.PLAIN : Treatment.INDEXED;
}

/** What every encoder knows of `name`. */
export function traitsOf(name: string): NameTraits {
  return TRAITS.get(name) ?? { treatment: treatmentOf(name), staticIndex: 0, staticValues: undefined };
}

/** The names that one encoder has in its table or is known to use; no larger than both together. */
export class EncoderIndex {
  readonly #names = new Map<string, KnownName>();

  /** What is known of `name`; kept only once it is in the table, or is one of the names above. */
  known(name: string): KnownName {
    const found = this.#names.get(name);
    if (found !== undefined) return found;
    const { treatment, staticIndex, staticValues } = traitsOf(name);
    const known = { name, treatment, staticIndex, staticValues, values: undefined, newestId: 0 };
    if (TRAITS.has(name)) this.#names.set(name, known);
    return known;
  }

  /** The table now holds `value` under this name, as entry `id`. */
  remember(known: KnownName, value: string, id: number): void {
    (known.values ??= new Map()).set(value, id);
    known.newestId = id;
    this.#names.set(known.name, known);
  }

  /** The table has evicted it. */
  forget(name: string, value: string): void {
    const known = this.#names.get(name);
    known?.values?.delete(value);
    if (known?.values?.size === 0 && !TRAITS.has(name)) this.#names.delete(name);
  }
}
