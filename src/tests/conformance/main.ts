/**
 * connectrpc's conformance suites against our door and our client.
 *
 *     deno run -A src/tests/conformance/main.ts [--only server|client|node] [-- arguments of connectconformance]
 *
 * `node` is the door on `node:http2`. Without Go there is nothing to run: it says so and ends well.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { taskArguments } from "../../base/task_arguments.ts";
import { CONNECT_CONFORMANCE } from "../go_tools.ts";
import { findTools } from "./tools.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));

interface Suite {
  readonly mode: "server" | "client";
  readonly program: string;
  readonly args: readonly string[];
  /** What is supported, and so run. */
  readonly config: string;
}

const SUITES: Readonly<Record<string, Suite>> = {
  server: {
    mode: "server",
    program: "server.ts",
    args: ["own"],
    config: "server.yaml",
  },
  node: {
    mode: "server",
    program: "server.ts",
    args: ["node"],
    config: "node.yaml",
  },
  client: {
    mode: "client",
    program: "client.ts",
    args: [],
    config: "client.yaml",
  },
};

const { values: { only }, positionals: further } = taskArguments({
  options: { only: { type: "string" } },
  allowPositionals: true,
});
if (only !== undefined && !(only in SUITES)) {
  console.error(`--only is ${only}, must be one of ${Object.keys(SUITES).join(", ")}`);
  Deno.exit(2);
}

const tools = await findTools();
if (typeof tools === "string") {
  console.log(`the conformance suites are left out: ${tools}`);
  Deno.exit(0);
}
let failed = false;
for (const [name, suite] of Object.entries(SUITES)) {
  if (only !== undefined && only !== name) continue;
  console.log(`${name}: connectconformance ${CONNECT_CONFORMANCE.version} as the other side of ${suite.program}`);
  if (!await run(suite, tools)) failed = true;
}
Deno.exit(failed ? 1 : 0);

async function run(suite: Suite, { runner, types }: { runner: string; types: string }): Promise<boolean> {
  const program = [
    Deno.execPath(),
    "run",
    "-A",
    "--quiet",
    "--config",
    CONFIG,
    join(HERE, suite.program),
    types,
    ...suite.args,
  ];
  const args = [
    ...["--mode", suite.mode, "--conf", join(HERE, suite.config)],
    ...["--known-failing", `@${join(HERE, "known_failing.txt")}`],
    ...further,
  ];
  const { success } = await new Deno.Command(runner, { args: [...args, "--", ...program], stdin: "null" }).spawn()
    .status;
  return success;
}
