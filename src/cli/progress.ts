import type { Io } from "./io.ts";

/** Tells a person who waits what for; gone from the line when `work` is done. Programs see nothing of it. */
export async function withProgress<T>(io: Io, what: string, work: () => Promise<T>): Promise<T> {
  if (!io.errIsTerminal) return await work();
  io.err(`${what} …`);
  try {
    return await work();
  } finally {
    io.err("\r\x1b[2K");
  }
}
