import { createClient } from "@connectrpc/connect";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { createLocalProvider, type NodeProvider } from "../../resourcemanager/mod.ts";
import { DEFAULT_ACCOUNT, messageOf, PlatformError } from "../../base/mod.ts";
import { PROGRAM } from "../help.ts";
import { hintCurl, hintFlags } from "../hints.ts";
import type { Io } from "../io.ts";
import type { Settings } from "../platform_flags.ts";
import { composeApiserver } from "./apiserver.ts";
import { lockData } from "./data_lock.ts";
import { deployHello } from "./hello.ts";
import { nodeCommand } from "./node_command.ts";
import { composeResourceManager } from "./resourcemanager.ts";
import { composeScheduler, openScheduler } from "./scheduler.ts";
import { Closers, openDoor, type Running, type Shared, systemShared } from "./shared.ts";

/** For one call to ourselves. */
const TRUST_TIMEOUT_MS = 10_000;

/** Every service in this process but the node agents, which are its children. Resolves when all are ready. */
export async function startPlatform(settings: Settings, io: Io): Promise<Running> {
  const write = (line: string) => io.err(line);
  const { logLevel: level, token, peerTls } = settings;
  const shared = systemShared({ level, write, token, peerTls });
  const closers = new Closers();
  const open = (edge: Parameters<typeof openDoor>[0], port: number) => openDoor(edge, settings, port, closers);
  try {
    closers.add(await lockData(settings.data));
    // Agents fetch code from the apiserver: none starts before its address is known.
    const apiserverOpen = Promise.withResolvers<string>();
    apiserverOpen.promise.catch(() => {});
    closers.add(() => apiserverOpen.reject(new Error("the platform is closing")));
    const provider = localNodes(settings, shared, write, apiserverOpen.promise);
    const resources = composeResourceManager(shared, settings, provider);
    closers.add(() => resources.close());
    const { scheduler, edge } = composeScheduler(
      ...[shared, settings, resources.resourceManager, settings.nodeMemory, settings] as const,
    );
    closers.add(() => scheduler.close());
    const apiserver = composeApiserver(shared, settings, scheduler);
    closers.add(() => apiserver.close());

    const addresses = {
      resourcemanager: await open(resources.edge, settings.resourcemanagerPort),
      scheduler: await openScheduler(
        { scheduler, edge },
        shared,
        { ...settings, port: settings.schedulerPort },
        closers,
      ),
      apiserver: await open(apiserver.edge, settings.apiserverPort),
    };
    const server = dialable(addresses.apiserver);
    if (peerTls) await assertTrusted(server, shared);
    apiserverOpen.resolve(server);
    await Promise.all([scheduler.start(), deployHello(apiserver.parts, shared.log("apiserver"))]);
    return { addresses, hints: hintsFor(addresses, settings), close: (graceMs) => closers.close(graceMs) };
  } catch (error) {
    await closers.close().catch(() => {});
    throw error;
  }
}

/**
 * Calls this platform as its own node agents will: otherwise a certificate that they do not accept would show in
 * invocations that wait for nothing. Errors: `failed_precondition`.
 */
async function assertTrusted(server: string, { connect }: Shared): Promise<void> {
  const { transport, close } = connect(server);
  try {
    await createClient(Health, transport).check({}, { timeoutMs: TRUST_TIMEOUT_MS });
  } catch (error) {
    const message = `the platform does not accept its own certificate: ${
      messageOf(error)
    }; see --tls-cert and --tls-ca`;
    throw new PlatformError("failed_precondition", message, { cause: error });
  } finally {
    close();
  }
}

function localNodes(
  settings: Settings,
  shared: Shared,
  write: (line: string) => void,
  apiserver: Promise<string>,
): NodeProvider {
  let address = "";
  const provider = createLocalProvider({
    command: (index) => nodeCommand(settings, address, index),
    clock: shared.clock,
    log: shared.log("resourcemanager"),
    write,
  });
  return {
    ...provider,
    async start(onDead) {
      address = await apiserver;
      return await provider.start(onDead);
    },
  };
}

/** What a person can do next, ready to be copied. */
function hintsFor({ apiserver, scheduler }: Record<"apiserver" | "scheduler", string>, settings: Settings): string[] {
  const { tokenFile, tlsCa } = settings;
  const where = { server: dialable(apiserver), tokenFile, tlsCa, account: DEFAULT_ACCOUNT };
  const [curl, flags, scheme] = [hintCurl(where), hintFlags(where), settings.tls ? "https://" : ""];
  return [
    "",
    "try:",
    `  ${curl} '${scheme}${where.server}/fn/hello?name=you'`,
    `  ${PROGRAM} deploy src/examples/cpu${flags}`,
    `  ${PROGRAM} invoke cpu --event '{"below":10000}'${flags}`,
    `  ${PROGRAM} ps${flags}`,
    `  ${curl} ${scheme}${
      dialable(scheduler)
    }/minifaas.admin.v1.ClusterService/GetSummary -H 'content-type: application/json' -d '{}'`,
  ];
}

/** Where this machine reaches what listens at `address`: all addresses at once are none to dial everywhere. */
function dialable(address: string): string {
  return address.replace(/^(0\.0\.0\.0|\[::\]):/, "127.0.0.1:");
}
