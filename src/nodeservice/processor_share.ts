/** Shorter spans tell little: Linux counts a process's time in hundredths of a second. */
const SPAN_MS_MIN = 500;

/** Processor time as a share, over the time since somebody asked last, or since the time before where that was just now. */
export class ProcessorShare {
  #from: { readonly atMs: number; readonly cpuMs: number };
  #to: { readonly atMs: number; readonly cpuMs: number };

  constructor(nowMs: number) {
    this.#from = this.#to = { atMs: nowMs, cpuMs: 0 };
  }

  /** In percent of one processor, `cpuMs` of which were used in all. */
  percent(nowMs: number, cpuMs: number): number {
    if (nowMs - this.#to.atMs >= SPAN_MS_MIN) {
      this.#from = this.#to;
      this.#to = { atMs: nowMs, cpuMs };
    }
    const elapsedMs = nowMs - this.#from.atMs;
    return elapsedMs > 0 ? Math.max(0, cpuMs - this.#from.cpuMs) / elapsedMs * 100 : 0;
  }
}
