/** A 64-bit hash of a request id, as two 32-bit words. Equal hashes are taken for equal ids. */
export interface Hash64 {
  lo: number;
  hi: number;
}

/**
 * Hashes `text` into `into` (reused by the caller, so that nothing is allocated). Two multiply lanes over pairs of
 * UTF-16 units, each stirred into the other after every four units, with the finaliser of MurmurHash3, so that ids that
 * differ in a digit land in unrelated buckets. A round maps the lanes one to one, whatever it takes in, so two texts
 * that differ in one round only never meet.
 */
export function hashText(text: string, into: Hash64): Hash64 {
  const { length } = text;
  let a = 0x9747b28c, b = 0x3c6ef372;
  let i = 0;
  // Reading a unit is what costs: four to a round let the processor overlap the reads.
  for (; i + 3 < length; i += 4) {
    const u = text.charCodeAt(i) | text.charCodeAt(i + 1) << 16;
    const v = text.charCodeAt(i + 2) | text.charCodeAt(i + 3) << 16;
    a = Math.imul(a ^ u, 0x9e3779b1);
    b = Math.imul(b ^ v, 0x85ebca77);
    a = a + (b << 13 | b >>> 19) | 0;
    b ^= a << 17 | a >>> 15;
  }
  for (; i < length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x9e3779b1);
    b = b + (a << 15 | a >>> 17) | 0;
  }
  into.lo = mix(a ^ length);
  into.hi = mix(b + into.lo | 0);
  return into;
}

function mix(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
