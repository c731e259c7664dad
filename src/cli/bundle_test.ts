import { assert, assertEquals, assertRejects } from "@std/assert";
import { bundle, functionNameOf } from "./bundle.ts";
import { withFolder } from "./testing.ts";
import { UsageError } from "./usage_error.ts";

/** What the bundle's handler answers; loaded as a node would, from one text. */
async function run(code: Uint8Array, event: unknown = {}): Promise<unknown> {
  const module = await import(`data:text/javascript;base64,${code.toBase64()}`);
  return module.handler(event);
}

Deno.test("a folder becomes one module with its files, JSON included", async () => {
  const files = {
    "shop/main.ts": `import { greet } from "./lib/greet.ts";
import prices from "./prices.json" with { type: "json" };
export function handler(event: { name: string }): string {
  return greet(event.name) + prices.tea;
}`,
    "shop/lib/greet.ts": "export const greet = (name: string): string => `Hello ${name}, tea is `;",
    "shop/prices.json": '{"tea": 3}',
    "shop/index.js": "not this one",
  };
  await withFolder(files, async (folder) => {
    const { code, entry } = await bundle("shop", folder);
    assertEquals(entry, `${folder}/shop/main.ts`);
    assertEquals(await run(code, { name: "Ada" }), "Hello Ada, tea is 3");
  });
});

Deno.test("node: modules stay imports, enums and JSX are compiled", async () => {
  const source = `import { basename } from "node:path";
enum Color { Red = 3 }
export const handler = (event: string): string => basename("/a/b") + Color.Red;`;
  await withFolder(
    { "a.ts": source, "b.tsx": "export const handler = (x: number) => x as number + 1;" },
    async (folder) => {
      const { code } = await bundle("a.ts", folder);
      assert(new TextDecoder().decode(code).includes('from "node:path"'));
      assertEquals(await run(code), "b3");
      assertEquals(await run((await bundle("b.tsx", folder)).code, 1), 2);
    },
  );
});

Deno.test("a file that imports nothing needs no bundler; its lines stay where they are", async () => {
  const typed =
    "interface Event { n: number }\n\nexport function handler(event: Event): number {\n  return event.n * 2;\n}\n";
  const files = {
    "plain.js": "export const handler = () => 1; // as it is",
    "typed.ts": typed,
    "enum.ts": "enum E { A = 5 }\nexport const handler = (): number => E.A;",
  };
  await withFolder(files, async (folder) => {
    const read = async (file: string) => new TextDecoder().decode((await bundle(file, folder)).code);
    assertEquals(await read("plain.js"), files["plain.js"]);
    const stripped = await read("typed.ts");
    assertEquals(stripped.split("\n")[3], "  return event.n * 2;");
    assertEquals(await run((await bundle("typed.ts", folder)).code, { n: 4 }), 8);
    assertEquals(await run((await bundle("enum.ts", folder)).code), 5);
  });
});

Deno.test("what cannot be bundled says what and where", async () => {
  const files = {
    "missing.ts": 'import { x } from "./nowhere.ts";\nexport const handler = () => x;',
    "syntax.ts": 'import "node:fs";\nexport const handler = () => 1 +;',
    "plain.ts": "export const handler = () => 1 +;",
    "notes.md": "# hi",
    "empty/readme.txt": "",
  };
  await withFolder(files, async (folder) => {
    const refused = async (file: string, ...parts: string[]) => {
      const error = await assertRejects(() => bundle(file, folder), UsageError);
      for (const part of parts) assert(error.message.includes(part), error.message);
      assert(!/backtrace|\n/i.test(error.message), error.message);
    };
    await refused("missing.ts", "cannot be bundled", "nowhere.ts", "missing.ts:1:19");
    await refused("syntax.ts", "cannot be bundled", "Expression expected", "syntax.ts:2:");
    await refused("plain.ts", "plain.ts cannot be read as TypeScript", "Expression expected");
    await refused("notes.md", "notes.md is no module, must end in .ts, .mts");
    await refused("empty", "empty has no entry, must hold one of main.ts");
    await refused("nothing", "nothing cannot be read");
  });
});

Deno.test("a bundle over the limit is refused here already", async () => {
  await withFolder({ "big.js": `export const x = "${"x".repeat(21 * 2 ** 20)}";` }, async (folder) => {
    await assertRejects(() => bundle("big.js", folder), UsageError, "makes a bundle of 21.0 MiB, at most 20 MiB");
  });
});

Deno.test("a function is named after its file, or after its folder where the file's name says nothing", () => {
  assertEquals(
    ["/a/Hello.ts", "/shop/main.ts", "/x/index.mjs", "/y/mod.mts", "/z/resize.js"].map(functionNameOf),
    ["hello", "shop", "x", "y", "resize"],
  );
});
