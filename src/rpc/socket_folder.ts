import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";

const PREFIX = "mini-faas-http1-";
const SOCKET = "socket";
/** Folders younger than this are left alone: their server may be about to listen. */
const STALE_AFTER_MS = 10_000;

/** A fresh folder that only this user can enter, with room for one socket. */
export interface SocketFolder {
  readonly socketPath: string;
  remove(): void;
}

/** Makes a socket's folder, and clears away those of processes that were killed before they could do so. */
export function makeSocketFolder(root: string = os.tmpdir()): SocketFolder {
  removeStaleFolders(root).catch(() => {});
  const folder = fs.mkdtempSync(path.join(root, PREFIX));
  fs.chmodSync(folder, 0o700);
  return { socketPath: path.join(folder, SOCKET), remove: () => fs.rmSync(folder, { recursive: true, force: true }) };
}

/** Removes every socket's folder in `root` that is old enough and has nobody listening in it. */
export async function removeStaleFolders(root: string): Promise<void> {
  for (const name of fs.readdirSync(root)) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = path.join(root, name);
    try {
      if (Date.now() - fs.statSync(folder).mtimeMs < STALE_AFTER_MS) continue;
      if (await isDead(path.join(folder, SOCKET))) fs.rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another user's, or gone meanwhile.
    }
  }
}

/** Refused means that the socket is there and nobody listens; in use, or another user's, it says something else. */
function isDead(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect({ path: socketPath });
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (error) => {
      resolve("code" in error && (error.code === "ECONNREFUSED" || error.code === "ENOENT"));
    });
  });
}
