/** Fills `mib` MiB and tells how much the container took. Ask for more than it has, and it is stopped. */
export function handler(event: { mib?: number }): { mib: number; checksum: number } {
  const mib = event.mib ?? 16;
  const blocks: Uint8Array[] = [];
  for (let i = 0; i < mib; i++) blocks.push(new Uint8Array(1024 * 1024).fill(i));
  // Read what was written, so that all of it is really there.
  const checksum = blocks.reduce((sum, block) => sum + block[block.length - 1], 0);
  return { mib, checksum };
}
