import { PlatformError } from "../base/mod.ts";

/**
 * Throws `failed_precondition` where code would be let through to the platform's own ports unprotected: they listen on
 * loopback, and without a token whoever reaches them may do anything.
 */
export function checkAllowNet(allowNet: readonly string[], hasToken: boolean): void {
  if (hasToken) return;
  for (const entry of allowNet) {
    if (entry === "*" || isLoopback(hostOf(entry))) {
      const what = entry === "*" ? "every host" : "this machine itself";
      throw new PlatformError(
        "failed_precondition",
        `allow_net has ${JSON.stringify(entry)}, which is ${what} and with it the platform's own ports: ` +
          "start the platform with --token-file to allow it, or name the hosts that are needed",
      );
    }
  }
}

function hostOf(entry: string): string {
  if (entry.startsWith("[")) return entry.slice(1, entry.indexOf("]"));
  return entry.replace(/:\d+$/, "");
}

/** Whether `host` means this machine, in any spelling that a resolver or a URL parser takes. */
function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (name === "localhost" || name.endsWith(".localhost") || name.startsWith("ip6-")) return true;
  // The URL parser writes 127.1, 0x7f000001, 2130706433 and ::ffff:127.0.0.1 alike.
  const url = URL.canParse(`http://${name.includes(":") ? `[${name}]` : name}/`);
  if (!url) return true;
  const address = new URL(`http://${name.includes(":") ? `[${name}]` : name}/`).hostname;
  if (/^(127|0)\./.test(address)) return true;
  if (!address.startsWith("[")) return false;
  return address === "[::1]" || address === "[::]" || /^\[::(ffff:)?(7f|0?0?)[0-9a-f]{0,2}:/.test(address) ||
    /^\[::(ffff:)?[0-9a-f]{1,4}\]$/.test(address);
}
