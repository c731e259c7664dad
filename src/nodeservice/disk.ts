import { statfs } from "node:fs/promises";
import type { DiskStats } from "./stats.ts";

/** The file system that holds `folder`; zeros where it cannot be asked. */
export async function diskOf(folder: string): Promise<DiskStats> {
  try {
    const { bsize, blocks, bavail, files, ffree } = await statfs(folder);
    return { totalBytes: bsize * blocks, availableBytes: bsize * bavail, totalInodes: files, freeInodes: ffree };
  } catch {
    return { totalBytes: 0, availableBytes: 0, totalInodes: 0, freeInodes: 0 };
  }
}
