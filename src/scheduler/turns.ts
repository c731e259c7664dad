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

/** Goes round and round through what has an order of its own. */
export class Rounds<T> {
  private rest: Iterator<T, undefined> | undefined;

  constructor(private readonly all: Iterable<T>) {}

  /** The next ones, `most` at most; a round begins with the first, and the last of one may be fewer. */
  *take(most: number): Generator<T, void> {
    for (let n = 0; n < most; n++) {
      let next = this.rest?.next();
      if (next?.done && n > 0) return;
      if (!next || next.done) {
        this.rest = this.all[Symbol.iterator]();
        next = this.rest.next();
      }
      if (next.done) return;
      yield next.value;
    }
  }
}
