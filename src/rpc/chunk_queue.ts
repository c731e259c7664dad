/** Pieces from this size on are kept as they are: what a piece costs beside its bytes is little then. */
const OWN_CHUNK_BYTES = 4096;
/** Smaller pieces share chunks of up to this size. */
const SHARED_CHUNK_BYTES = 16_384;
/** A shared chunk's room at first. */
const ROOM_BYTES = 64;

/**
 * Received bytes that wait for their reader, in order. It holds about twice as many bytes as wait at most, however small
 * the pieces were: windows count bytes, and a peer that fills them a byte at a time must not fill the memory instead.
 */
export class ChunkQueue {
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  /** Bytes used of the last chunk, where it is shared and has or may get room for more; else 0. */
  #used = 0;

  /** Puts a copy of `bytes` behind what waits. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const used = this.#used;
    const needed = used + bytes.length;
    if (used > 0 && needed <= SHARED_CHUNK_BYTES) {
      const last = this.#chunks.length - 1;
      this.#chunks[last] = withRoom(this.#chunks[last], used, needed);
      this.#chunks[last].set(bytes, used);
      this.#used = needed;
      return;
    }
    this.#close();
    if (bytes.length >= OWN_CHUNK_BYTES) {
      this.#chunks.push(bytes.slice());
      return;
    }
    const chunk = new Uint8Array(Math.max(ROOM_BYTES, bytes.length));
    chunk.set(bytes);
    this.#chunks.push(chunk);
    this.#used = bytes.length;
  }

  /** Takes the first chunk, which is then the caller's; undefined where nothing waits. */
  shift(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#chunks.length === 1) this.#close();
    return this.#chunks.shift();
  }

  /** Forgets what waits; how many bytes it was. */
  clear(): number {
    this.#close();
    return this.#chunks.splice(0).reduce((sum, { length }) => sum + length, 0);
  }

  /** The last chunk takes no more. */
  #close(): void {
    if (this.#used === 0) return;
    const last = this.#chunks.length - 1;
    this.#chunks[last] = this.#chunks[last].subarray(0, this.#used);
    this.#used = 0;
  }
}

/** `chunk`, or a larger one with its first `used` bytes. */
function withRoom(chunk: Uint8Array<ArrayBuffer>, used: number, needed: number): Uint8Array<ArrayBuffer> {
  if (needed <= chunk.length) return chunk;
  const larger = new Uint8Array(Math.min(SHARED_CHUNK_BYTES, 2 * needed));
  larger.set(chunk.subarray(0, used));
  return larger;
}
