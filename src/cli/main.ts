import { messageOf, PlatformError } from "../base/mod.ts";
import { parseArgs } from "./args.ts";
import { type Command, EXIT } from "./command.ts";
import { COMMANDS } from "./commands/mod.ts";
import { allFlags, commandHelp, overview, PROGRAM, VERSION } from "./help.ts";
import { type Io, OutputClosed } from "./io.ts";
import { readConfigFile, resolveValues } from "./settings.ts";
import { nearest } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

/** Runs the command line `args` and answers with the exit code; whatever goes wrong is told on stderr in one line. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const asJson = args.includes("--json");
  try {
    return await run(args, io);
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.ok;
    io.err(asJson ? errorJson(error) : errorText(error));
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

async function run(args: readonly string[], io: Io): Promise<number> {
  const [first, second] = args;
  if (first === undefined || first === "--help" || first === "-h") {
    io.out(overview(COMMANDS));
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  if (first === "help") {
    const wanted = args.slice(1).filter((arg) => !arg.startsWith("-"));
    io.out(wanted.length === 0 ? overview(COMMANDS) : helpOn(wanted[0], wanted[1]));
    return EXIT.ok;
  }
  if (second === "--help" || second === "-h") {
    io.out(helpOn(first, undefined));
    return EXIT.ok;
  }
  if (first === "version" || first === "--version") {
    const version = { version: VERSION, deno: Deno.version.deno };
    io.out(args.includes("--json") ? JSON.stringify(version) + "\n" : `mini-faas ${VERSION} (Deno ${version.deno})\n`);
    return EXIT.ok;
  }
  const { command, words } = find(first, second);
  const flags = allFlags(command);
  const { given, rest, help } = parseArgs(args.slice(words), flags, `${PROGRAM} ${command.name}`);
  if (help) {
    io.out(commandHelp(command));
    return EXIT.ok;
  }
  checkCount(command, rest);
  const env = io.env;
  const config = "config" in flags ? given.get("config") ?? env.MINIFAAS_CONFIG : undefined;
  // Some commands have flags with a setting's name that are none.
  const settings = COMMANDS.flatMap((one) => Object.entries(one.flags)).filter(([, flag]) => flag.setting);
  const known = Object.fromEntries(settings);
  const file = "config" in flags ? readConfigFile(config, io.cwd, known) : undefined;
  return await command.run({ values: resolveValues(flags, { given, env, file }), rest, io } as never);
}

/** Help on a command, or on all that begin with the same word. */
function helpOn(first: string, second: string | undefined): string {
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  return group.length > 0 && second === undefined ? overview(group) : commandHelp(find(first, second).command);
}

/** The command that `first` names, or `first` and `second` together as in `serve node`. */
function find(first: string, second: string | undefined): { command: Command; words: number } {
  const one = COMMANDS.find(({ name }) => name === first);
  if (one) return { command: one, words: 1 };
  const two = COMMANDS.find(({ name }) => name === `${first} ${second}`);
  if (two) return { command: two, words: 2 };
  const siblings = COMMANDS.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name.split(" ")[1]);
  if (siblings.length > 0) {
    const found = second === undefined || second.startsWith("-") ? "nothing" : `"${second}"`;
    throw new UsageError(`${PROGRAM} ${first} is followed by ${found}, must be one of ${siblings.join(", ")}`);
  }
  const meant = nearest(first, COMMANDS.map(({ name }) => name));
  const hint = meant ? `did you mean \`${PROGRAM} ${meant}\`?` : `see: ${PROGRAM} help`;
  throw new UsageError(`"${first}" is no command; ${hint}`);
}

function checkCount({ name, takes }: Command, rest: readonly string[]): void {
  const missing = takes.slice(rest.length).find((one) => !one.startsWith("["));
  if (missing) throw new UsageError(`${PROGRAM} ${name} needs ${missing}: ${PROGRAM} ${name} ${takes.join(" ")}`);
  if (rest.length > takes.length) {
    throw new UsageError(`${PROGRAM} ${name} does not know what to do with "${rest[takes.length]}"`);
  }
}

function errorText(error: unknown): string {
  if (error instanceof UsageError) return `error: ${error.message}\n`;
  if (error instanceof PlatformError) {
    const retry = error.retryAfterMs ? `; try again in ${error.retryAfterMs} ms` : "";
    const kind = error.failure && error.failure !== error.code ? `${error.code} (${error.failure})` : error.code;
    return `error: ${kind}: ${messageOf(error)}${retry}\n`;
  }
  // Nobody's mistake but ours: here the stack helps.
  return `error: ${error instanceof Error ? error.stack ?? error.message : String(error)}\n`;
}

function errorJson(error: unknown): string {
  const known = error instanceof PlatformError ? error : undefined;
  const code = known?.code ?? (error instanceof UsageError ? "usage" : "internal");
  const { failure, retryAfterMs } = known ?? {};
  return JSON.stringify({ error: { code, message: messageOf(error), failure, retryAfterMs } }) + "\n";
}
