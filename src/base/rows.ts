/** Where the numbers of one function lie, or of a part of what is known of it. */
export interface Row {
  readonly cells: Float64Array;
  readonly at: number;
}

const ROWS_PER_CHUNK = 256;

/**
 * A row of numbers for each function, side by side. With thousands of functions nearly every look at one finds its
 * memory cold: as fields of objects, each number on its own in the heap, they would be fetched one after the other.
 */
export class Rows {
  readonly #free: Row[] = [];

  constructor(private readonly width: number) {}

  /** A row; what is in it was somebody else's. */
  take(): Row {
    if (this.#free.length === 0) this.#addChunk();
    return this.#free.pop()!;
  }

  give(row: Row): void {
    this.#free.push(row);
  }

  #addChunk(): void {
    const cells = new Float64Array(ROWS_PER_CHUNK * this.width);
    for (let n = ROWS_PER_CHUNK - 1; n >= 0; n--) this.#free.push({ cells, at: n * this.width });
  }
}

/** A row on its own. */
export function rowOf(width: number): Row {
  return { cells: new Float64Array(width), at: 0 };
}

/** The part of a row that begins at its cell `from`. */
export function partOf({ cells, at }: Row, from: number): Row {
  return { cells, at: at + from };
}
