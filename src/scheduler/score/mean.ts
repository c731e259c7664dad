/** A mean that follows the present: each new value counts for at least this share of it. */
const SHARE_MIN = 1 / 64;

export class Mean {
  value = 0;
  #count = 0;

  add(value: number): void {
    this.value += (value - this.value) * Math.max(SHARE_MIN, 1 / ++this.#count);
  }
}
