import type * as net from "node:net";
import type { Clock } from "../base/mod.ts";

/** How long calls that were cut at the end of a grace may take to say so to their callers. */
export const CUT_WAIT_MS = 500;
/** How long what is written already may take to get out, and a client to close after its last answer. */
export const LINGER_MS = 2_000;
/** The same where a server is to close at once. */
export const LINGER_MS_MIN = 100;

/** Whether `promise` is settled within so many milliseconds. */
export function endsWithin(promise: Promise<unknown>, delayMs: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(delayMs, () => resolve(false));
    const settle = () => {
      cancel();
      resolve(true);
    };
    promise.then(settle, settle);
  });
}

/** Resolves when all that was written to `socket` is out and ended, or never will be. */
export function flushed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.writableFinished || socket.destroyed) return resolve();
    socket.once("finish", resolve);
    socket.once("close", () => resolve());
  });
}

/** Resolves when `socket` is closed. */
export function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.closed ? resolve() : socket.once("close", () => resolve()));
}
