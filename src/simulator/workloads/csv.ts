/** Tables as text with commas: the first line names the columns; cells may be quoted, but not hold line breaks. */
import { invalidArgument, PlatformError } from "../../base/mod.ts";
import { forEachLine } from "./lines.ts";

/** More than the widest trace has: three ids and 1,440 minutes. */
const COLUMNS_MAX = 4_096;

/** The columns of a table, and the cells of the row being read. */
export class CsvRow {
  #cells: readonly string[] = [];
  readonly #columns: ReadonlyMap<string, number>;

  constructor(readonly columns: readonly string[]) {
    if (columns.length > COLUMNS_MAX) throw invalidArgument("columns", columns.length, `at most ${COLUMNS_MAX}`);
    this.#columns = new Map(columns.map((column, index) => [column, index]));
  }

  /** The same object reads every row: what it answers holds until the next one. */
  set cells(cells: readonly string[]) {
    if (cells.length !== this.columns.length) {
      throw invalidArgument("the row", `${cells.length} cells`, `${this.columns.length} cells, as the heading has`);
    }
    this.#cells = cells;
  }

  has(column: string): boolean {
    return this.#columns.has(column);
  }

  /** Throws `invalid_argument` where it is empty. */
  text(column: string): string {
    const cell = this.#cells[this.#indexOf(column)];
    if (cell === "") throw invalidArgument(column, cell, "some text");
    return cell;
  }

  /** Whether the column is there and this row has something in it. */
  isGiven(column: string): boolean {
    const index = this.#columns.get(column);
    return index !== undefined && this.#cells[index] !== "";
  }

  /** Throws `invalid_argument` unless it is a number in `[min, max]`. */
  number(column: string, min: number, max: number): number {
    return this.numberAt(this.#indexOf(column), min, max);
  }

  /** The same by the column's place. */
  numberAt(index: number, min: number, max: number): number {
    const cell = this.#cells[index];
    const value = cell.trim() === "" ? NaN : Number(cell);
    if (!(value >= min && value <= max)) {
      throw invalidArgument(this.columns[index], cell, `a number from ${min} to ${max}`);
    }
    return value;
  }

  #indexOf(column: string): number {
    const index = this.#columns.get(column);
    if (index === undefined) throw invalidArgument("the heading", this.columns.join(","), `one with ${column}`);
    return index;
  }
}

/**
 * Calls `onRow` with every row of a table that has at least these columns. Throws `invalid_argument` that names the
 * file by `name`, the line, the column, what was found and what is allowed.
 */
export async function forEachRow(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  columns: readonly string[],
  onRow: (row: CsvRow, line: number) => void,
): Promise<void> {
  let row: CsvRow | undefined;
  await forEachLine(name, chunks, (text, line) => {
    const cells = splitCells(text);
    if (row) {
      row.cells = cells;
      return onRow(row, line);
    }
    row = new CsvRow(cells.map((cell) => cell.trim()));
    const missing = columns.find((column) => !row!.has(column));
    if (missing) throw invalidArgument("the heading", text, `one with ${missing}`);
  });
  if (!row) throw new PlatformError("invalid_argument", `${name} is empty, must begin with a heading`);
}

/** The cells of one line. */
export function splitCells(text: string): string[] {
  if (!text.includes('"')) return text.split(",");
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] !== '"') {
      const end = text.indexOf(",", at);
      cells.push(end < 0 ? text.slice(at) : text.slice(at, end));
      if (end < 0) return cells;
      at = end + 1;
      continue;
    }
    let end = at + 1;
    while (end < text.length && (text[end] !== '"' || text[end + 1] === '"')) end += text[end] === '"' ? 2 : 1;
    if (end >= text.length) throw invalidArgument("a quoted cell", text.slice(at), "one that is closed on its line");
    cells.push(text.slice(at + 1, end).replaceAll('""', '"'));
    at = end + 1;
    if (at >= text.length) return cells;
    if (text[at] !== ",") throw invalidArgument("a quoted cell", text.slice(at), "one with a comma after it");
    at++;
  }
}
