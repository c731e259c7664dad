/** Rows under headings, each column as wide as its widest cell; a column named in `right` stands at the right. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], right: string[] = []): string {
  const widths = headings.map((heading, i) => Math.max(...[heading, ...rows.map((row) => row[i])].map(widthOf)));
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, i) => {
      const gap = " ".repeat(widths[i] - widthOf(cell));
      return right.includes(headings[i]) ? gap + cell : cell + gap;
    });
    return padded.join("  ").trimEnd() + "\n";
  };
  return [headings, ...rows].map(line).join("");
}

/** Code points, not code units: names and messages may hold any letters. */
function widthOf(cell: string): number {
  return [...cell].length;
}
