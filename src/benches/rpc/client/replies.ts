/** Where `container_id`, field 4, stands in an AcquireContainerReply; undefined where it has none. */
export function containerIdAt(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly start: number; readonly end: number } | undefined {
  for (let at = start; at < end;) {
    const tag = bytes[at++];
    let value = 0, scale = 1;
    for (;;) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
    }
    // Varints and texts, and messages that are skipped as texts are.
    if ((tag & 7) !== 2) continue;
    if (tag >>> 3 === 4) return { start: at, end: at + value };
    at += value;
  }
  return undefined;
}
