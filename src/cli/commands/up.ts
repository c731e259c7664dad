import { command, outJson } from "../command.ts";
import { pickFlags, settingsOf } from "../platform_flags.ts";
import { policyHelp } from "../policy_flags.ts";
import { completeSettings } from "../platform_settings.ts";
import { loadCompose, runUntilSignal } from "../running.ts";

export const up = command({
  name: "up",
  summary: "Run the whole platform on this machine",
  takes: [],
  flags: pickFlags(settingsOf.up),
  details: [
    policyHelp,
    "Ctrl-C lets running invocations end and leaves nothing behind; a second one ends everything at once.",
  ],
  examples: ["up", "up --data ./other --apiserver-port 0 --scheduler-port 0 --resourcemanager-port 0 --node-port 0"],
  async run({ values, io }) {
    const settings = completeSettings("up", values, io.cwd);
    const { startPlatform } = await loadCompose();
    return await runUntilSignal(() => startPlatform(settings, io), {
      onReady({ addresses, hints = [] }) {
        if (values.json) return outJson(io, { ready: addresses });
        const width = Math.max(...Object.keys(addresses).map((name) => name.length));
        for (const [name, address] of Object.entries(addresses)) io.out(`${name.padEnd(width)}  ${address}\n`);
        for (const hint of hints) io.out(`${hint}\n`);
      },
      onDrain: () => io.err("stopping; once more to stop at once\n"),
    });
  },
});
