/**
 * A buffer that grows, for what goes out: frames of a connection, header blocks of HPACK. The writing methods do not
 * check room beyond what they write themselves, so that one byte costs one comparison and one store.
 */

const INITIAL_BYTES = 4096;
/** A larger turn is the exception: the next buffer does not follow it. */
const REMEMBERED_BYTES_MAX = 65536;
const EMPTY = new Uint8Array(0);

/** The bytes of one turn, appended to until they are taken. */
export class ByteWriter {
  /** What is written so far are the first {@linkcode length} bytes of it. Replaced when it grows or is taken. */
  buffer: Uint8Array<ArrayBuffer>;
  /** Bytes written so far. */
  length = 0;
  readonly #initialBytes: number;
  /** How large the next buffer is made: as much as the last turn took, since turns resemble one another. */
  #nextBytes: number;

  /** An empty writer holds no memory: the first buffer, of `initialBytes`, is made by the first write. */
  constructor(initialBytes: number = INITIAL_BYTES) {
    this.#initialBytes = initialBytes;
    this.#nextBytes = initialBytes;
    this.buffer = EMPTY;
  }

  /** Makes room for `bytes` more, so that the caller may write into {@linkcode buffer} at {@linkcode length} itself. */
  ensure(bytes: number): void {
    const needed = this.length + bytes;
    if (needed > this.buffer.length) this.#grow(needed);
  }

  /** Appends one byte: the low eight bits of `value`. */
  byte(value: number): void {
    if (this.length === this.buffer.length) this.#grow(this.length + 1);
    this.buffer[this.length++] = value;
  }

  /** Appends a copy of `bytes`. */
  bytes(bytes: Uint8Array): void {
    this.ensure(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Appends 16 bits, the high byte first. */
  uint16(value: number): void {
    this.ensure(2);
    this.buffer[this.length++] = value >>> 8;
    this.buffer[this.length++] = value;
  }

  /** Appends 32 bits, the high byte first. */
  uint32(value: number): void {
    this.ensure(4);
    const buffer = this.buffer;
    let at = this.length;
    buffer[at++] = value >>> 24;
    buffer[at++] = value >>> 16;
    buffer[at++] = value >>> 8;
    buffer[at++] = value;
    this.length = at;
  }

  /** What is written so far, without copying: valid until the next write or take. */
  view(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.length);
  }

  /** Hands out the bytes so far, which are then the caller's; begins again with a fresh buffer. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.buffer.subarray(0, this.length);
    this.#nextBytes = Math.max(this.#initialBytes, Math.min(this.length, REMEMBERED_BYTES_MAX));
    this.buffer = EMPTY;
    this.length = 0;
    return taken;
  }

  /** Forgets what was written and keeps the buffer. */
  clear(): void {
    this.length = 0;
  }

  #grow(needed: number): void {
    let size = Math.max(this.buffer.length * 2, this.#nextBytes, 64);
    while (size < needed) size *= 2;
    const grown = new Uint8Array(size);
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}
