import { checkFunctionName, CONCURRENCY_MAX, FUNCTION_MEMORY_BYTES_MIN, GIB, TIMEOUT_MS_MAX } from "../../base/mod.ts";
import { bundle, functionNameOf } from "../bundle.ts";
import { command, EXIT, outJson } from "../command.ts";
import { CALL_TIMEOUT_MS, connectionFlags, withPlatform } from "../connection.ts";
import { optional } from "../flags.ts";
import { duration, integer, list, size, text } from "../kinds.ts";
import { formatSize } from "../units.ts";
import { UsageError } from "../usage_error.ts";
import { withProgress } from "../progress.ts";
import { PROGRAM } from "../help.ts";
import { hintCurl, hintFlags } from "../hints.ts";
import { describe } from "./function_view.ts";

/** More than any node has; the platform knows the real bound. */
const MEMORY_BYTES_MAX = 1_024 * GIB;

export const deploy = command({
  name: "deploy",
  summary: "Bundle a file or folder and make it the next version of a function",
  takes: ["FILE|FOLDER"],
  flags: {
    name: optional(text("NAME"), "the function's name; by default that of the file or folder"),
    memory: optional(size(FUNCTION_MEMORY_BYTES_MIN, MEMORY_BYTES_MAX), "memory of each container (default 128MiB)"),
    timeout: optional(duration(1, TIMEOUT_MS_MAX), "an invocation is stopped after it (default 60s)"),
    concurrency: optional(
      integer("COUNT", 1, CONCURRENCY_MAX),
      "invocations that may share a container, where its code can run several at once (default 1)",
    ),
    allowNet: optional(
      list(text("HOST", "a host, host:port or *")),
      "hosts that the code may connect to (default none)",
    ),
    handler: optional(text("EXPORT"), "export to call (default: handler, else the default export's fetch)"),
    ...connectionFlags,
  },
  details: [
    "A folder's entry is main.ts, mod.ts, index.ts or the same in JavaScript. Imports (files, JSON, npm packages) are\n" +
    "bundled here; the platform gets one self-contained module.",
  ],
  examples: ["deploy hello.ts", "deploy ./shop --name checkout --memory 256MiB --allow-net=api.example.com"],
  async run({ values, rest: [file], io }) {
    const { code, entry } = await withProgress(io, `bundling ${file}`, () => bundle(file, io.cwd));
    const name = values.name ?? functionNameOf(entry);
    try {
      checkFunctionName(name, values.name === undefined ? "the name taken from the file" : "--name");
    } catch (error) {
      throw new UsageError(`${(error as Error).message}; choose one with --name`);
    }
    return await withPlatform(values, io, async ({ functions, url }) => {
      const request = {
        accountId: values.account,
        functionName: name,
        code,
        handler: values.handler ?? "",
        memoryInBytes: BigInt(values.memory ?? 0),
        timeoutInMs: BigInt(values.timeout ?? 0),
        concurrency: BigInt(values.concurrency ?? 0),
        allowNet: [...(values.allowNet ?? [])],
      };
      const options = { timeoutMs: CALL_TIMEOUT_MS };
      const reply = await withProgress(io, `deploying ${name}`, () => functions.deployFunction(request, options));
      const deployed = describe(reply.function!);
      const trigger = `${url}/fn/${name}`;
      if (values.json) {
        outJson(io, { changed: reply.changed, url: trigger, function: deployed });
        return EXIT.ok;
      }
      const size = formatSize(deployed.codeSizeBytes);
      io.out(
        reply.changed
          ? `deployed ${name} version ${deployed.version} (${size})\n`
          : `${name} version ${deployed.version} is the same already, nothing changed\n`,
      );
      io.out(`  ${trigger}\n`);
      io.out(`try: ${PROGRAM} invoke ${name} --event '{}'${hintFlags(values)}\n  or: ${hintCurl(values)} ${trigger}\n`);
      return EXIT.ok;
    });
  },
});
