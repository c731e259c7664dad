/**
 * The name under which the scheduler knows function `index` of a workload: no two are the same, and neither its place
 * in the list nor what it does can be seen from it. (The finalizer of MurmurHash3 maps 32 bits to 32 bits one to one.)
 */
export function opaqueId(index: number): string {
  let h = (index + 0x5bd1e995) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h ^= h >>> 16;
  return `fn-${(h >>> 0).toString(16).padStart(8, "0")}`;
}
