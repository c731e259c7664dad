/** Whose turn it is, `most` at once; where there are more, those now stand behind the others next time. */
export function takeTurns<T>(waiting: Set<T>, most: number): T[] {
  if (waiting.size <= most) return [...waiting];
  const turn: T[] = [];
  for (const one of waiting) {
    turn.push(one);
    if (turn.length === most) break;
  }
  for (const one of turn) {
    waiting.delete(one);
    waiting.add(one);
  }
  return turn;
}
