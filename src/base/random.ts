/** Randomness as an argument, so that a seed reproduces a run. */
export interface Random {
  /** A whole number in `[0, 2^32)`. */
  uint32(): number;
  /** A number in `[0, 1)`. */
  float(): number;
  /** A whole number in `[0, bound)`. */
  below(bound: number): number;
}

/** Small fast generator with 128 bits of state (sfc32, from PractRand), seeded with one 32-bit number. */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9, b = 0x243f6a88, c = seed >>> 0, counter = 1;
  const uint32 = () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) uint32();
  const float = () => uint32() / 2 ** 32;
  return { uint32, float, below: (bound) => Math.floor(float() * bound) };
}

/** A generator seeded by the machine. */
export function systemRandom(): Random {
  return seededRandom(crypto.getRandomValues(new Uint32Array(1))[0]);
}

/** A fresh id: 128 random bits as 32 hex digits, unguessable. */
export function newId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
