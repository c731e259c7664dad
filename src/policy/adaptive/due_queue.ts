/** Items by the moment at which they are due: a binary heap. */
export class DueQueue<Item> {
  readonly #heap: { readonly item: Item; readonly dueMs: number }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(item: Item, dueMs: number): void {
    const heap = this.#heap;
    let at = heap.length;
    const entry = { item, dueMs };
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (heap[above].dueMs <= dueMs) break;
      heap[at] = heap[above];
      at = above;
    }
    heap[at] = entry;
  }

  /** Takes the one that is due first, if it is by `nowMs`. */
  take(nowMs: number): Item | undefined {
    const heap = this.#heap;
    if (heap.length === 0 || heap[0].dueMs > nowMs) return undefined;
    const { item } = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return item;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1].dueMs < heap[below].dueMs) below++;
      if (heap[below].dueMs >= last.dueMs) break;
      heap[at] = heap[below];
      at = below;
    }
    heap[at] = last;
    return item;
  }
}
