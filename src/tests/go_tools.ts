/** Programs written in Go that tests are done with: as installed, or built by Go's module proxy into the user's cache. */
import { join } from "node:path";

export interface GoTool {
  readonly name: string;
  readonly module: string;
  /** Below the module. */
  readonly path: string;
  /** Pinned: newer ones may ask for more. */
  readonly version: string;
}

export const CONNECT_CONFORMANCE: GoTool = {
  name: "connectconformance",
  module: "connectrpc.com/conformance",
  path: "cmd/connectconformance",
  version: "v1.0.7",
};
export const H2SPEC: GoTool = {
  name: "h2spec",
  module: "github.com/summerwind/h2spec",
  path: "cmd/h2spec",
  version: "v2.2.1+incompatible",
};
export const GRPCURL: GoTool = {
  name: "grpcurl",
  module: "github.com/fullstorydev/grpcurl",
  path: "cmd/grpcurl",
  version: "v1.9.4",
};

/** Where what was built stays. */
export function toolFolder({ name, version }: GoTool): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/tmp", ".cache");
  return join(cache, "mini-faas", `${name}-${version}`);
}

/** The program where it is installed or was built before. */
export async function findTool(tool: GoTool): Promise<string | undefined> {
  for (const program of [join(toolFolder(tool), tool.name), tool.name]) {
    if (await succeeds(program, ["--version"])) return program;
  }
  return undefined;
}

/** Finds the program or builds it within `buildMsMax`; a failure says why there is none. */
export async function getTool(tool: GoTool, buildMsMax: number): Promise<{ program?: string; missing: string }> {
  const program = await findTool(tool);
  if (program !== undefined) return { program, missing: "" };
  if (!await succeeds("go", ["version"])) return { missing: `${tool.name} is not installed, and neither is Go` };
  const folder = toolFolder(tool);
  Deno.mkdirSync(folder, { recursive: true });
  const at = `${tool.module}/${tool.path}@${tool.version}`;
  try {
    const { success, stderr } = await new Deno.Command("go", {
      args: ["install", at],
      env: { GOBIN: folder, GOFLAGS: "-buildvcs=false" },
      signal: AbortSignal.timeout(buildMsMax),
    }).output();
    if (success) return { program: join(folder, tool.name), missing: "" };
    const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
    return { missing: `${tool.name} could not be built: ${said || `not within ${buildMsMax / 1_000} s`}` };
  } catch (error) {
    return { missing: `${tool.name} could not be built: ${error}` };
  }
}

async function succeeds(command: string, args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}
