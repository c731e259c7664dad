/**
 * Tells whether a text is one self-contained JavaScript module. The engine's own parser is the judge throughout, so that
 * strings, templates, comments and regular expressions need no lexer of ours: it compiles the text without linking or
 * running it, names the static imports, and answers what-if questions about the rest.
 */
import vm from "node:vm";

/** Longer ones are cut in messages and not searched for. */
const SPECIFIER_LENGTH_MAX = 1_000;
/** Places of one specifier that are tried when its line is looked for. */
const PLACES_MAX = 1_000;

/** `node:vm`'s module class, which its type declarations lack; compiling is all that is used of it. */
const { SourceTextModule } = vm as unknown as {
  SourceTextModule: new (source: string) => { readonly dependencySpecifiers: readonly string[] };
};

/** What keeps `source` from being one self-contained module, in words that follow "code"; undefined: nothing does. */
export function problemOfModule(source: string): string | undefined {
  let specifiers: readonly string[];
  try {
    specifiers = specifiersOf(source);
  } catch (error) {
    if (error instanceof RangeError) return "is nested too deeply to be parsed";
    const message = error instanceof Error ? error.message : String(error);
    return `is not a JavaScript module: ${message}`;
  }
  const foreign = specifiers.find((specifier) => !isBuiltIn(specifier));
  const found = foreign === undefined
    ? firstDynamicImport(source)
    : { specifier: foreign, index: placeOfStaticImport(source, foreign) };
  if (found === undefined) return undefined;
  const line = found.index === undefined ? "" : ` in line ${lineOf(source, found.index)}`;
  const name = JSON.stringify(found.specifier.slice(0, SPECIFIER_LENGTH_MAX));
  return `imports ${name}${line}, must be self-contained: bundle it together with its imports (only node: modules may stay)`;
}

/** Built-in modules need no file, no network and no permission. */
function isBuiltIn(specifier: string): boolean {
  return specifier.startsWith("node:");
}

/** What `source` imports statically. Throws SyntaxError or RangeError where it is no module. */
function specifiersOf(source: string): readonly string[] {
  return new SourceTextModule(source).dependencySpecifiers;
}

function parses(source: string): boolean {
  try {
    specifiersOf(source);
    return true;
  } catch {
    return false;
  }
}

/** Where `specifier` is imported: every place it is quoted at gets a name of its own, and the parser says which count. */
function placeOfStaticImport(source: string, specifier: string): number | undefined {
  const places = placesOf(source, [`"${specifier}"`, `'${specifier}'`]);
  if (places.length === 0 || specifier.length > SPECIFIER_LENGTH_MAX) return undefined;
  const length = specifier.length + 2;
  const renamed = replaceAt(source, places, length, (n) => `"node:place${n}"`);
  try {
    const first = specifiersOf(renamed).find((name) => name.startsWith("node:place"));
    return first === undefined ? undefined : places[Number(first.slice("node:place".length))];
  } catch {
    return undefined;
  }
}

function placesOf(source: string, quoted: readonly string[]): number[] {
  const places: number[] = [];
  for (const text of quoted) {
    for (let at = source.indexOf(text); at >= 0 && places.length < PLACES_MAX; at = source.indexOf(text, at + 1)) {
      places.push(at);
    }
  }
  return places.sort((a, b) => a - b);
}

/**
 * The first `import("constant")` that is code and names no built-in. What looks like one may stand in a string or a
 * comment, so the parser is asked: `interface` may stand for `import` in any text, and as a member's name, but is a
 * syntax error where `import` was the keyword. All suspects are renamed at once; only if that breaks the module is the
 * first guilty one looked for, by halving.
 */
function firstDynamicImport(source: string): { specifier: string; index: number } | undefined {
  const suspects = dynamicImportsIn(source);
  const innocent = (count: number) => {
    const places = suspects.slice(0, count).map((suspect) => suspect.index);
    return parses(replaceAt(source, places, "import".length, () => "interface"));
  };
  if (suspects.length === 0 || innocent(suspects.length)) return undefined;
  let low = 0, high = suspects.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (innocent(middle)) low = middle;
    else high = middle;
  }
  return suspects[high - 1];
}

/** All that looks like `import("constant")`, in code or elsewhere, built-ins left out. */
function dynamicImportsIn(source: string): { specifier: string; index: number }[] {
  const suspects = [];
  const blanks = new Blanks(source);
  for (let index = source.indexOf("import"); index >= 0; index = source.indexOf("import", index + 1)) {
    if (source[index - 1] === "#") continue; // a private member's name
    let at = blanks.skip(index + "import".length);
    const phase = /\.\s*(?:source|defer)/y;
    phase.lastIndex = at;
    if (phase.test(source)) at = blanks.skip(phase.lastIndex);
    if (source[at] !== "(") continue;
    const specifier = constantAt(source, blanks, blanks.skip(at + 1));
    if (specifier !== undefined && !isBuiltIn(specifier)) suspects.push({ specifier, index });
  }
  return suspects;
}

/** The string that begins at `at`, if it is one without substitutions and the whole of an argument. */
function constantAt(source: string, blanks: Blanks, at: number): string | undefined {
  const quote = source[at];
  if (quote !== '"' && quote !== "'" && quote !== "`") return undefined;
  for (let end = at + 1; end < source.length; end++) {
    if (source[end] === "\\") end++;
    else if (quote === "`" && source.startsWith("${", end)) return undefined;
    else if (quote !== "`" && source[end] === "\n") return undefined;
    else if (source[end] === quote) {
      const next = source[blanks.skip(end + 1)];
      return next === ")" || next === "," ? source.slice(at + 1, end) : undefined;
    }
  }
  return undefined;
}

/** Skips white space and comments; remembers where a comment ended, so that no text is searched over and over. */
class Blanks {
  readonly #source: string;
  readonly #found: Record<"\n" | "*/", { from: number; end: number }>;

  constructor(source: string) {
    this.#source = source;
    this.#found = { "\n": { from: 0, end: -1 }, "*/": { from: 0, end: -1 } };
  }

  /** The first place from `at` on that is neither white space nor comment. */
  skip(at: number): number {
    for (;;) {
      if (this.#source.startsWith("//", at)) at = this.#after("\n", at + 2);
      else if (this.#source.startsWith("/*", at)) at = this.#after("*/", at + 2);
      else if (at < this.#source.length && /\s/.test(this.#source[at])) at++;
      else return at;
    }
  }

  #after(mark: "\n" | "*/", from: number): number {
    const found = this.#found[mark];
    if (from < found.from || from > found.end) {
      const end = this.#source.indexOf(mark, from);
      this.#found[mark] = { from, end: end < 0 ? this.#source.length : end };
    }
    return Math.min(this.#source.length, this.#found[mark].end + mark.length);
  }
}

/** `source` with `length` characters at each of `places` (rising) replaced. */
function replaceAt(source: string, places: readonly number[], length: number, by: (n: number) => string): string {
  const parts: string[] = [];
  let from = 0;
  places.forEach((place, n) => {
    if (place < from) return;
    parts.push(source.slice(from, place), by(n));
    from = place + length;
  });
  parts.push(source.slice(from));
  return parts.join("");
}

function lineOf(source: string, index: number): number {
  let line = 1;
  for (let at = source.indexOf("\n"); at >= 0 && at < index; at = source.indexOf("\n", at + 1)) line++;
  return line;
}
