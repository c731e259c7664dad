import { assertEquals, assertRejects } from "@std/assert";
import { type FunctionSpec, PlatformError } from "../base/mod.ts";
import { CodeCache } from "./code_cache.ts";
import { bytesOf, testFunction } from "./testing.ts";

async function hashOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A registry with these bundles, and the hashes it was asked for. */
async function registry(...texts: string[]) {
  const bundles = new Map<string, string>();
  for (const text of texts) bundles.set(await hashOf(text), text);
  const asked: string[] = [];
  const get = (spec: FunctionSpec) => {
    asked.push(spec.codeHash);
    const hash = spec.codeHash || [...bundles.keys()][0];
    return Promise.resolve({ code: bytesOf(bundles.get(hash) ?? "?"), hash });
  };
  return { source: { get }, asked, hashes: [...bundles.keys()] };
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mf-test-" });
  await use(folder);
  await Deno.remove(folder, { recursive: true });
}

Deno.test("a bundle is fetched once, however many want it, and is still there after a restart", () =>
  withFolder(async (folder) => {
    const { source, asked, hashes: [codeHash] } = await registry("one");
    const cache = new CodeCache({ folder, source });
    const spec = testFunction({ codeHash });
    await Promise.all([cache.get(spec), cache.get(spec), cache.get(spec)]);
    const again = await new CodeCache({ folder, source }).get(spec);
    assertEquals([new TextDecoder().decode(again.code), again.hash], ["one", codeHash]);
    assertEquals(asked, [codeHash]);
  }));

Deno.test("without a hash the source is asked each time which code it is", () =>
  withFolder(async (folder) => {
    const { source, asked, hashes: [hash] } = await registry("one");
    const cache = new CodeCache({ folder, source });
    for (let i = 0; i < 2; i++) assertEquals((await cache.get(testFunction())).hash, hash);
    assertEquals(asked, ["", ""]);
    await cache.get(testFunction({ codeHash: hash }));
    assertEquals(asked.length, 2);
  }));

Deno.test("a file that was spoilt is fetched again", () =>
  withFolder(async (folder) => {
    const { source, asked, hashes: [codeHash] } = await registry("one");
    const cache = new CodeCache({ folder, source });
    await cache.get(testFunction({ codeHash }));
    await Deno.writeTextFile(`${folder}/${codeHash}`, "evil");
    assertEquals(new TextDecoder().decode((await cache.get(testFunction({ codeHash }))).code), "one");
    assertEquals(asked.length, 2);
  }));

Deno.test("code that is not what was asked for is refused and not kept", () =>
  withFolder(async (folder) => {
    const { source } = await registry("one");
    const cache = new CodeCache({ folder, source });
    const error = await assertRejects(() => cache.get(testFunction({ codeHash: "0".repeat(64) })), PlatformError);
    assertEquals([error.code, cache.bytes], ["data_loss", 0]);
  }));

Deno.test("the least lately used go when the cache is full", () =>
  withFolder(async (folder) => {
    const { source, asked, hashes: [a, b, c] } = await registry("aaaa", "bbbb", "cccc");
    const cache = new CodeCache({ folder, source, bytesMax: 8 });
    for (const codeHash of [a, b, a, c]) await cache.get(testFunction({ codeHash }));
    assertEquals(cache.bytes, 8);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [a, c].sort());
    await cache.get(testFunction({ codeHash: a }));
    assertEquals(asked, [a, b, c]);
  }));

Deno.test("what a killed agent left half written is cleared away", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/new-1`, "half");
    const { source } = await registry("one");
    assertEquals(new CodeCache({ folder, source }).bytes, 0);
    assertEquals([...Deno.readDirSync(folder)], []);
  }));
