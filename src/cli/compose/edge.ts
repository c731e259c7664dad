import { PlatformError } from "../../base/mod.ts";
import { errorResponse } from "../../rpc/mod.ts";
import { systemIo } from "../io.ts";
import type { ServiceName } from "../platform_flags.ts";
import { pickFlags, platformFlags, settingsOf } from "../platform_flags.ts";
import { completeSettings } from "../platform_settings.ts";
import { readConfigFile, resolveValues } from "../settings.ts";
import { isLoopback } from "../token_file.ts";
import { buildService, tellFailure } from "./service.ts";
import { Closers } from "./shared.ts";

/** What a host tells of a request's connection; `deno serve` tells the caller's address. */
interface Connection {
  readonly remoteAddr?: { readonly hostname?: string };
}

/** A service as hosts of edge functions call it. */
interface EdgeFunction {
  fetch(request: Request, connection?: Connection): Promise<Response>;
}

/**
 * One service as a fetch handler, for hosts that bring the socket along (`deno serve src/scheduler/edge.ts`). Settings
 * come from the environment and the config file. Where the host listens is not ours to say, so without a token callers
 * from beyond this machine are refused.
 */
export async function edgeOf(name: ServiceName): Promise<EdgeFunction> {
  const io = systemIo();
  const file = readConfigFile(io.env.MINIFAAS_CONFIG, io.cwd, platformFlags);
  const values = resolveValues(pickFlags(settingsOf[name]), { given: new Map(), env: io.env, file });
  const settings = completeSettings(name, values as never, io.cwd);
  const closers = new Closers();
  const { edge, begin } = await buildService(name, { ...settings, workers: 0 }, io, closers);
  begin?.().catch(tellFailure(name, io));
  closeWhenTold(closers);
  return {
    async fetch(request, connection) {
      const caller = connection?.remoteAddr?.hostname;
      if (settings.token !== undefined || caller === undefined || isLoopback(caller)) return await edge.fetch(request);
      const message = `without a token only callers on this machine are served, not ${caller}: set MINIFAAS_TOKEN_FILE`;
      return errorResponse(new PlatformError("permission_denied", message));
    },
  };
}

/** The host ends by itself once it has answered what is under way, but not before everything else here has ended. */
function closeWhenTold(closers: Closers): void {
  const signals = ["SIGINT", "SIGTERM"] as const;
  const close = () => {
    for (const signal of signals) Deno.removeSignalListener(signal, close);
    closers.close().catch(() => {});
  };
  for (const signal of signals) Deno.addSignalListener(signal, close);
}
