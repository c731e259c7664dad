import { type Command, outputFlags } from "./command.ts";
import { configFlags } from "./platform_flags.ts";
import { envNames, flagName, type Flags } from "./flags.ts";

/** What the command line is called in help and hints. */
export const PROGRAM = Deno.env.get("MINIFAAS_PROGRAM") ?? "mini-faas";
export const VERSION = "0.1.0";

/** Everything about one command. */
export function commandHelp(one: Command): string {
  const usage = [PROGRAM, one.name, ...one.takes, "[flags]"].join(" ");
  const parts = [`${one.summary}\n`, `Usage: ${usage}\n`];
  if (one.details) parts.push(one.details.join("\n\n") + "\n");
  parts.push(`Flags:\n${flagLines(allFlags(one))}`);
  parts.push(`Examples:\n${one.examples.map((example) => `  ${PROGRAM} ${example}\n`).join("")}`);
  return parts.join("\n");
}

/** The commands in one line each. */
export function overview(commands: readonly Command[]): string {
  const rows = [...commands, { name: "help [COMMAND]", summary: "Tell about a command" }, {
    name: "version",
    summary: "Tell which version this is",
  }];
  const width = Math.max(...rows.map((one) => one.name.length));
  const lines = rows.map((one) => `  ${one.name.padEnd(width)}  ${one.summary}\n`);
  return `mini-faas ${VERSION}: a serverless platform of your own

Usage: ${PROGRAM} COMMAND [flags]

Commands:
${lines.join("")}
\`${PROGRAM} COMMAND --help\` tells all about one of them.
Exit codes: 0 it worked, 1 the call failed, 2 the command line or a setting is wrong.
Settings stand in flags, else in the environment (MINIFAAS_<FLAG_NAME>), else in mini-faas.json or the --config file.
`;
}

/** A command's own flags, and those that every command has. */
export function allFlags(one: Command): Flags {
  const hasSettings = Object.values(one.flags).some((flag) => flag.setting);
  return { ...one.flags, ...(hasSettings ? configFlags : {}), ...outputFlags };
}

function flagLines(flags: Flags): string {
  const rows = Object.entries(flags).map(([key, one]) => {
    const name = (one.short ? `-${one.short}, ` : "") + flagName(key);
    const value = one.kind.placeholder && ` ${one.kind.placeholder}`;
    const more: string[] = [];
    const isEmpty = one.default === undefined || one.default === false || one.default.length === 0;
    if (!isEmpty) more.push(`default ${one.kind.format(one.default)}`);
    if (one.setting) more.push(...envNames(key, one));
    return [`  ${name}${value}`, more.length > 0 ? `${one.help} (${more.join(", ")})` : one.help];
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}\n`).join("");
}
