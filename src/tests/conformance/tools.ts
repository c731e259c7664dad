/** What the suites need and this repository does not have: the runner, by Go's module proxy, and its protos. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CONNECT_CONFORMANCE, getTool, toolFolder } from "../go_tools.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** A download and a compilation of connect-go and grpc-go. */
const BUILD_MS_MAX = 540_000;

export interface Tools {
  /** The program `connectconformance`. */
  readonly runner: string;
  /** A file with the descriptors of the suites' messages. */
  readonly types: string;
}

/** Finds or builds them in a folder of the user's cache, where they stay; a text says what is missing. */
export async function findTools(): Promise<Tools | string> {
  const { program: runner, missing } = await getTool(CONNECT_CONFORMANCE, BUILD_MS_MAX);
  if (runner === undefined) return missing;
  const { module, version } = CONNECT_CONFORMANCE;
  const folder = toolFolder(CONNECT_CONFORMANCE), types = join(folder, "types.binpb");
  if (exists(types)) return { runner, types };
  Deno.mkdirSync(folder, { recursive: true });
  const download = await output("go", ["mod", "download", "-json", `${module}@${version}`]);
  if (download === undefined) return `the source of ${module}@${version} could not be had`;
  // A copy: the module cache is read-only, and buf looks for its configuration around what it builds.
  const protos = join(folder, "proto");
  copy(join(JSON.parse(download).Dir, "proto"), protos);
  const { buf } = JSON.parse(Deno.readTextFileSync(join(ROOT, "deno.json"))).tasks;
  const [, ...args] = buf.command.split(" ");
  const described = await output(Deno.execPath(), [...args, "build", protos, "-o", types]);
  return described === undefined ? "buf could not read the suites' protos" : { runner, types };
}

async function output(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, { args, stderr: "inherit" }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

function copy(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copy(join(from, name), join(to, name));
    else Deno.writeTextFileSync(join(to, name), Deno.readTextFileSync(join(from, name)));
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
