/** `deno task check` runs this after format, lint and types: protos, generated code, imports between rooms. */
import { checkLayering, readSources } from "./layering.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

async function buf(...args: string[]): Promise<{ ok: boolean; output: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "buf", ...args],
    cwd: ROOT,
    // buf runs its plugins by name: they must find this very Deno.
    env: { PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH") ?? ""}` },
  }).output();
  const decoder = new TextDecoder();
  return { ok: success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

async function checkGenerated(): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "mini-faas-gen-" });
  try {
    const made = await buf("generate", "--output", folder);
    if (!made.ok) return [`buf generate failed: ${made.output}`];
    const fresh = readTree(`${folder}/gen`), committed = readTree(`${ROOT}gen`);
    const paths = new Set([...fresh.keys(), ...committed.keys()]);
    return [...paths].filter((path) => fresh.get(path) !== committed.get(path))
      .map((path) => `gen/${path} is not what src/proto gives: run deno task gen`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function readTree(root: string): Map<string, string> {
  return new Map(readSources(root).map(({ path, text }) => [path, text]));
}

async function checkProtos(): Promise<string[]> {
  const lint = await buf("lint");
  return lint.ok ? [] : [`buf lint: ${lint.output}`];
}

const faults = [
  ...checkLayering(readSources(`${ROOT}src`)),
  ...await checkProtos(),
  ...await checkGenerated(),
];
for (const fault of faults) console.error(fault);
if (faults.length > 0) Deno.exit(1);
console.log("imports, protos and generated code are in order");
