import { type Command, command, outJson } from "../command.ts";
import type { Io } from "../io.ts";
import { pickFlags, type ServiceName, SERVICES, type Settings, settingsOf } from "../platform_flags.ts";
import { policyHelp } from "../policy_flags.ts";
import { completeSettings } from "../platform_settings.ts";
import { loadCompose, type Running, runUntilSignal } from "../running.ts";

const SUMMARIES: Record<ServiceName, string> = {
  apiserver: "Run the API server alone",
  scheduler: "Run the scheduler alone",
  resourcemanager: "Run the resource manager alone, with node agents started here or running elsewhere",
  node: "Run one node agent alone",
};

/** `serve apiserver`, `serve scheduler` … */
export const serve: readonly Command[] = SERVICES.map((name) =>
  command({
    name: `serve ${name}`,
    summary: SUMMARIES[name],
    takes: [],
    flags: pickFlags(settingsOf[name]),
    details: [
      ...name === "scheduler" ? [policyHelp] : [],
      'With --json one line on stdout tells that it listens: {"ready":{"address":…,"port":…}}.',
    ],
    examples: [`serve ${name}`, `serve ${name} --port 0 --json`],
    async run({ values, io }) {
      const settings = completeSettings(name, values, io.cwd);
      const { startService } = await loadCompose();
      return await runUntilSignal(() => startService(name, settings, io), {
        until: settings.endWithStdin ? io.stdinClosed() : undefined,
        onReady: (running) => announce(name, running, settings, values.json, io),
      });
    },
  })
);

function announce(name: ServiceName, running: Running, settings: Settings, json: boolean, io: Io): void {
  const listening = running.addresses[name];
  if (!json) return io.out(`${name} listens on ${listening}\n`);
  const colon = listening.lastIndexOf(":");
  const address = listening.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const memory = name === "node" ? { memoryBytes: settings.nodeMemory } : {};
  outJson(io, { ready: { address, port: Number(listening.slice(colon + 1)), ...memory } });
}
