/** The command lines of tasks for developers; the product's own is read in `cli/args.ts`. */
import process from "node:process";
import { parseArgs, type ParseArgsConfig } from "node:util";

/** As `parseArgs`, but that what it does not know ends the program with 2, in one line that names the flags there are. */
export function taskArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const flags = Object.keys(config.options ?? {}).map((name) => `--${name}`);
    console.error(`error: ${error.message.split(". ")[0]}; flags are ${flags.join(", ")}`);
    process.exit(2);
  }
}
