import { type FunctionSpec, MIB, PlatformError } from "../../../base/mod.ts";

/** No folder: nothing the container does (localStorage, caches, code cache) may reach the disk through Deno's own. */
const NO_FOLDER = "/dev/null/none";
/**
 * This machine: Deno checks what names resolve to as well. It takes an IPv4 address inside an IPv6 one for another
 * host and knows no IPv6 ranges, so those are named one by one, and refused where a function asks for one.
 */
const LOOPBACK = "127.0.0.0/8,0.0.0.0,[::1],[::],[::ffff:127.0.0.1],[::ffff:0.0.0.0],localhost";

export interface CommandOptions {
  readonly denoPath: string;
  readonly harnessPath: string;
  readonly socketPath: string;
  readonly bundlePath: string;
  readonly folder: string;
  readonly memoryBytes: number;
  readonly allowNet: readonly string[];
  /** Whether the platform's own ports on this machine ask for a token. */
  readonly platformHasToken: boolean;
}

/** A Deno process that may use its socket, read its bundle, connect where the function may, and nothing else. */
export function containerCommand(options: CommandOptions): Deno.Command {
  const { socketPath, bundlePath, allowNet, platformHasToken } = options;
  const net = allowNet.includes("*") ? "--allow-net" : `--allow-net=${[`unix:${socketPath}`, ...allowNet].join(",")}`;
  return new Deno.Command(options.denoPath, {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-config",
      "--no-npm",
      "--no-remote",
      "--cached-only",
      "--no-lock",
      "--no-code-cache",
      // Without it a request's signal is aborted after every good answer, and Deno prints a warning to the user's log.
      "--unstable-no-legacy-abort",
      `--allow-read=${socketPath},${bundlePath}`,
      `--allow-write=${socketPath}`,
      net,
      ...(platformHasToken ? [] : [`--deny-net=${LOOPBACK}`]),
      `--v8-flags=${heapFlags(options.memoryBytes)}`,
      options.harnessPath,
      socketPath,
    ],
    clearEnv: true,
    env: { NO_COLOR: "1", DENO_DIR: NO_FOLDER, DENO_NO_UPDATE_CHECK: "1" },
    cwd: options.folder,
    // A terminal's Ctrl-C is for the agent, which lets running invocations end first.
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Throws `failed_precondition` where the function asks for a network that cannot be given safely here. */
export function checkAllowNet(spec: FunctionSpec, platformHasToken: boolean): void {
  if (platformHasToken) return;
  const refused = spec.allowNet.find((host) => host === "*" || isMappedAddress(host));
  if (refused === undefined) return;
  throw new PlatformError(
    "failed_precondition",
    `Function "${spec.functionName}" asks for allow_net "${refused}", which would reach the platform's own ports: ` +
      `run the platform with a token, or name other hosts`,
  );
}

/** Whether `host` is an IPv4 address spelt as an IPv6 one. */
function isMappedAddress(host: string): boolean {
  return host.startsWith("[") && URL.canParse(`http://${host}`) &&
    new URL(`http://${host}`).hostname.startsWith("[::ffff:");
}

/**
 * V8 must collect garbage before the container's limit is reached, and does not see that limit by itself. What is
 * left beside the heap is for Deno itself (about 10 MiB) and for buffers.
 */
function heapFlags(memoryBytes: number): string {
  const memoryMiB = memoryBytes / MIB;
  const oldSpaceMiB = Math.max(24, Math.floor(memoryMiB * 0.85) - 16);
  const semiSpaceMiB = Math.min(16, Math.max(1, Math.floor(memoryMiB / 64)));
  // Buffers that nobody holds go with the collection that finds them: a thread of its own for that is starved by the
  // quota, V8 still counts them, and the kernel ends the container before the next collection.
  const buffers = "--no-concurrent-array-buffer-sweeping";
  return `--max-old-space-size=${oldSpaceMiB},--max-semi-space-size=${semiSpaceMiB},${buffers}`;
}
