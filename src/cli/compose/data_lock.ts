import * as path from "node:path";
import { messageOf, PlatformError } from "../../base/mod.ts";

/**
 * Takes the data folder for this process, making it where it is missing; the answer gives it back. The lock is the
 * kernel's, so a killed process holds none. Errors: `failed_precondition` where it cannot be written or is taken.
 */
export async function lockData(folder: string): Promise<() => void> {
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    file = await Deno.open(path.join(folder, "lock"), { create: true, write: true, mode: 0o600 });
  } catch (error) {
    throw new PlatformError("failed_precondition", `data folder ${folder} cannot be written: ${messageOf(error)}`);
  }
  if (!await file.tryLock(true)) {
    file.close();
    const message =
      `data folder ${folder} is in use by another mini-faas: stop that one, or choose another with --data`;
    throw new PlatformError("failed_precondition", message);
  }
  return () => file.close();
}
