import { flagName, type Flags } from "./flags.ts";
import { nearest } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

/** Arguments of one command line; more than a shell would pass on anyway. */
const ARGUMENTS_MAX = 10_000;

/** A command line taken apart, its values not looked at yet. */
export interface GivenArgs {
  /** Text of every flag that was given, by key. */
  readonly given: ReadonlyMap<string, string>;
  /** What is no flag, in order. */
  readonly rest: readonly string[];
  readonly help: boolean;
}

/**
 * Takes `args` apart: `--name value`, `--name=value`, `-n value`, switches alone, `--` before what is no flag even if
 * it looks like one. A flag given twice counts the last time; a list adds up. Throws {@linkcode UsageError}.
 */
export function parseArgs(args: readonly string[], flags: Flags, command: string): GivenArgs {
  if (args.length > ARGUMENTS_MAX) throw new UsageError(`${args.length} arguments are more than ${ARGUMENTS_MAX}`);
  const names = new Map(Object.keys(flags).flatMap((key) => [[flagName(key), key], [`-${flags[key].short}`, key]]));
  const given = new Map<string, string>();
  const rest: string[] = [];
  let help = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === "--") {
      rest.push(...args.slice(i + 1));
      break;
    }
    if (arg === "--help" || arg === "-h") {
      help = true;
      continue;
    }
    if (!arg.startsWith("-") || arg === "-") {
      rest.push(arg);
      continue;
    }
    const equals = arg.indexOf("=");
    const name = equals < 0 ? arg : arg.slice(0, equals);
    const key = names.get(name);
    if (key === undefined) throw unknownFlag(name, names.keys(), command);
    const { kind } = flags[key];
    let value: string;
    if (equals >= 0) value = arg.slice(equals + 1);
    else if (kind.placeholder === "") value = "true";
    else if (i + 1 < args.length) value = args[++i];
    else throw new UsageError(`${name} needs a value: ${name} ${kind.placeholder}, ${kind.allowed}`);
    const before = given.get(key);
    given.set(key, kind.placeholder.endsWith(",…") && before !== undefined ? `${before},${value}` : value);
  }
  return { given, rest, help };
}

function unknownFlag(name: string, names: Iterable<string>, command: string): UsageError {
  const meant = nearest(name, [...names, "--help"].filter((one) => one.startsWith("--")));
  const hint = meant ? `did you mean ${meant}?` : `see: ${command} --help`;
  return new UsageError(`${name} is no flag of \`${command}\`; ${hint}`);
}
