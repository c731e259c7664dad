import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { problemOfModule } from "./module_check.ts";

const ACCEPTED: readonly [what: string, source: string][] = [
  ["an event handler", "export function handler(event) { return event; }"],
  ["a fetch handler", "export default { fetch: (request) => new Response('hi') };"],
  ["top-level await and import.meta", "export const x = await 1; import.meta.url;"],
  ["a static import of a built-in", "import { join } from 'node:path'; export { join };"],
  ["a dynamic import of a built-in", "export const fs = await import('node:fs');"],
  ["a computed import", "export const load = (name) => import(name);"],
  ["an import pieced together", "export const load = (name) => import('./locale/' + name);"],
  ["an import by a template with a substitution", "export const load = (name) => import(`./${name}.js`);"],
  ["what looks like an import in a string", `export const s = "import('x')" + 'import("x")';`],
  ["… in a template", 'export const s = `import("x") ${"import(\'y\')"}`;'],
  ["… in comments", `// import("x")\n/* import("y") */ export {};`],
  ["… in a regular expression", `export const r = /import\\("x"\\)/v, q = 4 / 2;`],
  ["… after an escape", `export const s = '\\import("x")';`],
  ["a method called import", `const o = { import: (x) => x }; o.import("x"); o?.import("x");`],
  ["a private method called import", `export class A { #import(x) {} run() { this.#import("x"); } }`],
  ["an identifier that ends in import", `const reimport = (x) => x; reimport("x");`],
  ["static imports in a string only", `export const s = "import x from './y.js'";`],
  ["nothing but a byte order mark and an export", "\ufeffexport {};"],
];

const REFUSED: readonly [what: string, source: string, says: string][] = [
  ["a static import", "\nimport x from 'lodash';", `imports "lodash" in line 2`],
  ["a side-effect import", "import './setup.js';", `imports "./setup.js" in line 1`],
  ["a re-export", 'export {};\n\nexport * from "./all.js";', `imports "./all.js" in line 3`],
  ["a named re-export", "export { a } from 'npm:a';", `imports "npm:a" in line 1`],
  ["an import of JSON", "import x from './x.json' with { type: 'json' };", `"./x.json" in line 1`],
  ["the true one of several places", "// from 'a'\nconst s = `'a'`;\nimport 'a';", `"a" in line 3`],
  ["a dynamic import", "\n\nawait import('./x.js');", `imports "./x.js" in line 3`],
  ["… in a template", 'const s = `${await import("x")}`;', `"x" in line 1`],
  ["… with comments within", "import /* a */ ( // b\n 'x' /* c */ );", `"x" in line 1`],
  ["… with options", "import('x', { with: { type: 'json' } });", `"x" in line 1`],
  ["… by a template", "import(`x`);", `"x" in line 1`],
  ["… of the source phase", "import.source('x');", `"x" in line 1`],
  ["… after a division", "const a = 4 / 2; import('x'); 1 / 1;", `"x" in line 1`],
  ["… after a spread", "[...await import('x')];", `"x" in line 1`],
  ["the guilty one among innocents", `"import('a')";\n"import('b')";\nimport('c');\n"import('d')";`, `"c" in line 3`],
  ["a syntax error", "export const = 1;", "is not a JavaScript module: Unexpected token '='"],
  ["TypeScript", "const x: number = 1;", "is not a JavaScript module"],
  ["what is no text", "\0\u0001", "is not a JavaScript module"],
  ["nesting without end", "(".repeat(1_000_000), "nested too deeply"],
];

for (const [what, source] of ACCEPTED) {
  Deno.test(`a bundle may have ${what}`, () => assertEquals(problemOfModule(source), undefined));
}

for (const [what, source, says] of REFUSED) {
  Deno.test(`a bundle is refused for ${what}`, () => assertStringIncludes(problemOfModule(source) ?? "", says));
}

Deno.test("a text that is full of would-be imports is looked through once, not once for each", () => {
  for (const [open, close] of [["import /*", "*/"], ["import //", ""], ["import(", ""]]) {
    assertEquals(problemOfModule("export const s = `" + open.repeat(300_000) + close + "`;"), undefined);
  }
});

/** Pieces that are whole by themselves, so that any sequence of them is a module. */
const HARMLESS = [
  ";",
  "1 / 2 / 3;\n",
  `"import('s')";`,
  "'from \"lodash\"';",
  "`import('t') ${ `import('u') ${1}` }`;",
  "// import('c')\n",
  "/* import 'd' */\n",
  "/[/\"'`]import\\('r'\\)/.test('');\n",
  "if (1) /'/.test('');\n",
  "{ }\n/`/g;\n",
  "({}) / 2;\n",
  "({ import() {} }).import('m');",
  "\n",
];

Deno.test("property: an import is found in whatever surrounds it, and only where there is one", () => {
  const pieces = fc.array(fc.constantFrom(...HARMLESS), { maxLength: 12 }).map((parts) => parts.join(""));
  const planted = fc.constantFrom(undefined, "import('./found');", "\nimport './found';\n", "`${import('./found')}`;");
  fc.assert(
    fc.property(pieces, planted, pieces, (before, plant, after) => {
      const problem = problemOfModule(before + (plant ?? "") + after);
      if (plant === undefined) return assertEquals(problem, undefined);
      const line = (before + plant.slice(0, plant.indexOf("import"))).split("\n").length;
      assertStringIncludes(problem ?? "", `imports "./found" in line ${line},`);
    }),
    { numRuns: 300 },
  );
});

Deno.test("property: any text at all gets an answer", () => {
  const words = fc.constantFrom("import", "(", ")", "'", '"', "`", "${", "}", "/", "/*", "*/", "\\", "\n", "from", "x");
  const text = fc.array(fc.oneof(words, fc.string({ unit: "binary", maxLength: 3 })), { maxLength: 30 });
  fc.assert(fc.property(text, (parts) => void problemOfModule(parts.join(""))), { numRuns: 1_000 });
});
