import { assert, assertEquals } from "@std/assert";
import * as path from "node:path";
import { commandMissing, type Platform, ROOT, withPlatform } from "./program.ts";

/** What is not run here: it would start or test a whole platform, needs an engine, or is run by tls_test.ts. */
const LEFT_OUT = /\b(docker|task (start|test|node)|serve|openssl|cacert)\b/;
/** Shown because they fail: with what. */
const FAILING = new Map([
  [`deno task cli invoke memory --event '{"mib":512}'`, /Function "memory" used more than its 128 MiB of memory/],
]);

/** The commands of a text's `sh` blocks: one per line, continued lines joined, comments left out. */
function commandsOf(markdown: string): string[] {
  return blocksOf(markdown, "sh").flatMap((block) => block.replaceAll("\\\n", " ").split("\n"))
    .map((line) => line.replace(/\s+#\s.*$/, "").replaceAll(/\s+/g, " ").trim())
    .filter((line) => line !== "" && !LEFT_OUT.test(line));
}

function blocksOf(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp("^```" + language + "\\n([^]*?)^```", "gm"))].map(([, block]) => block);
}

/** The same command for a platform on other ports, which fails where the answer is an error. */
function adapted(command: string, platform: Platform, folder: string): string {
  return command
    .replaceAll("localhost:10500", platform.ready.apiserver)
    .replaceAll("localhost:10600", platform.ready.scheduler)
    .replace("greet.ts", `${folder}/greet.ts`)
    .replace(/^npx -y (@bufbuild\/buf@\S+)/, "deno run -A npm:$1")
    .replace(/(^|\| )curl /, "$1curl --fail-with-body ");
}

async function run(command: string, platform: Platform): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-o", "pipefail", "-c", command],
    cwd: ROOT,
    env: {
      MINIFAAS_SERVER: platform.ready.apiserver,
      PATH: `${path.dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
      NO_COLOR: "1",
    },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

async function readmes(): Promise<string[]> {
  const files = ["README.md"];
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}src/examples`)) {
    if (isDirectory) files.push(`src/examples/${name}/README.md`);
  }
  return files.sort();
}

Deno.test({
  name: "every command of the READMEs works as it stands there",
  ignore: commandMissing("bash") || commandMissing("curl"),
  fn: async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
    try {
      await withPlatform([], async (platform) => {
        for (const file of await readmes()) {
          const text = await Deno.readTextFile(ROOT + file);
          const greet = blocksOf(text, "ts").find((block) => block.includes("greeting"));
          if (greet) await Deno.writeTextFile(`${folder}/greet.ts`, greet);
          const commands = commandsOf(text);
          assert(commands.length > 0, `${file} has no command`);
          for (const command of commands) {
            await t.step(`${file}: ${command}`, async () => {
              const { code, text } = await run(adapted(command, platform, folder), platform);
              const failure = FAILING.get(command);
              assertEquals(code === 0, failure === undefined, text);
              if (failure) assert(failure.test(text), text);
              else assert(text.trim() !== "", "it says nothing");
            });
          }
        }
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
