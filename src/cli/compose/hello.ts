import { fileURLToPath } from "node:url";
import { deploy, type DeployParts, type Registry } from "../../apiserver/mod.ts";
import { DEFAULT_ACCOUNT, type Log, messageOf } from "../../base/mod.ts";
import { bundle } from "../bundle.ts";

const FOLDER = fileURLToPath(new URL("../../examples/hello", import.meta.url));

/** Gives an empty platform a function to try. That it cannot be bundled (no network, say) keeps nothing from starting. */
export async function deployHello(parts: DeployParts & { registry: Pick<Registry, "size"> }, log: Log): Promise<void> {
  if (parts.registry.size > 0) return;
  try {
    const { code } = await bundle(FOLDER, FOLDER);
    await deploy(parts, {
      accountId: DEFAULT_ACCOUNT,
      functionName: "hello",
      code,
      handler: "",
      memoryBytes: 0,
      timeoutMs: 0,
      concurrency: 0,
      allowNet: [],
    });
  } catch (error) {
    log.warn("hello was not deployed", { error: messageOf(error) });
  }
}
