/**
 * The Huffman code of RFC 7541, 5.2 and appendix B. The code is canonical (among codes of one length the numbers rise
 * with the symbol, and shorter codes come first), so that the lengths alone define it.
 *
 * Decoding is a machine that eats four bits a step: a state is an inner node of the code's tree, 256 of them. A step
 * ends at most one symbol, since no code is shorter than five bits. The table takes 16 KiB.
 */

/** The code's length in bits for each byte, and last for the end-of-string symbol. */
// deno-fmt-ignore
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const EOS = 256;
/** The shortest code, which bounds how much a string grows when decoded. */
const SHORTEST_BITS = 5;

const CODE_BITS = Uint8Array.from(LENGTHS);
const CODES = assignCodes();

/** A step's result: the next state in the low eight bits, the symbol above it, and two flags. */
const SYMBOL_SHIFT = 8;
const EMITS = 1 << 16;
const FAILS = 1 << 17;
const { steps: STEPS, mayEnd: MAY_END } = buildMachine();

function assignCodes(): Uint32Array {
  const codes = new Uint32Array(LENGTHS.length);
  const order = LENGTHS.map((_, symbol) => symbol).sort((a, b) => LENGTHS[a] - LENGTHS[b] || a - b);
  let code = 0;
  let bits = LENGTHS[order[0]];
  for (const symbol of order) {
    code <<= LENGTHS[symbol] - bits;
    bits = LENGTHS[symbol];
    codes[symbol] = code++;
  }
  return codes;
}

function buildMachine(): { steps: Uint32Array; mayEnd: Uint8Array } {
  // children[2 * node + bit]: an inner node, or ~symbol (negative). Node 0 is the root, which nothing leads to.
  const children: number[] = [0, 0];
  for (let symbol = 0; symbol < LENGTHS.length; symbol++) {
    let node = 0;
    for (let bit = LENGTHS[symbol] - 1; bit >= 0; bit--) {
      const slot = 2 * node + ((CODES[symbol] >>> bit) & 1);
      if (bit === 0) children[slot] = ~symbol;
      else {
        if (children[slot] === 0) children[slot] = children.push(0, 0) / 2 - 1;
        node = children[slot];
      }
    }
  }
  const states = children.length / 2;
  const steps = new Uint32Array(states * 16);
  for (let state = 0; state < states; state++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = state;
      let result = 0;
      for (let bit = 3; bit >= 0; bit--) {
        const child = children[2 * node + ((nibble >>> bit) & 1)];
        if (child === ~EOS) result |= FAILS;
        else if (child < 0) result |= EMITS | (~child << SYMBOL_SHIFT);
        node = child < 0 ? 0 : child;
      }
      steps[state * 16 + nibble] = result | node;
    }
  }
  // A string may end at a symbol's end or within at most seven bits of padding, all ones as the end-of-string begins.
  const mayEnd = new Uint8Array(states);
  for (let padding = 0, node = 0; padding <= 7; padding++, node = children[2 * node + 1]) mayEnd[node] = 1;
  return { steps, mayEnd };
}

/** The most bytes that `encodedBytes` of Huffman code can stand for. */
export function decodedBytesMax(encodedBytes: number): number {
  return Math.floor(encodedBytes * 8 / SHORTEST_BITS);
}

/**
 * Decodes `bytes[from, to)` into `into`, which has room for {@linkcode decodedBytesMax}. The number of bytes written,
 * or -1 when the code holds the end-of-string symbol, or padding that is longer than seven bits or not all ones.
 */
export function huffmanDecode(bytes: Uint8Array, from: number, to: number, into: Uint8Array): number {
  const steps = STEPS;
  let state = 0;
  let length = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    const high = steps[(state << 4) | (byte >>> 4)];
    if ((high & EMITS) !== 0) into[length++] = high >>> SYMBOL_SHIFT;
    const low = steps[((high & 0xff) << 4) | (byte & 15)];
    if ((low & EMITS) !== 0) into[length++] = low >>> SYMBOL_SHIFT;
    if (((high | low) & FAILS) !== 0) return -1;
    state = low & 0xff;
  }
  return MAY_END[state] === 1 ? length : -1;
}

/** The bytes that `text` takes in Huffman code; NaN when a character is not one byte. */
export function huffmanBytes(text: string): number {
  let bits = 0;
  let all = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    all |= byte;
    bits += CODE_BITS[byte & 0xff];
  }
  return all > 0xff ? NaN : (bits + 7) >>> 3;
}

/** Writes `text` in Huffman code at `into[at…]`, padded with ones. Where it ends. */
export function huffmanEncode(text: string, into: Uint8Array, at: number): number {
  // `pending` holds fewer than 8 bits between symbols; a code of 30 bits is fed in two parts to stay within 32.
  let pending = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    let code = CODES[byte];
    let left = CODE_BITS[byte];
    if (left > 16) {
      left -= 16;
      pending = (pending << left) | (code >>> 16);
      bits += left;
      while (bits >= 8) into[at++] = pending >>> (bits -= 8);
      code &= 0xffff;
      left = 16;
    }
    pending = (pending << left) | code;
    bits += left;
    while (bits >= 8) into[at++] = pending >>> (bits -= 8);
  }
  if (bits > 0) into[at++] = (pending << (8 - bits)) | (0xff >>> bits);
  return at;
}
