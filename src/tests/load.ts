import { until, within } from "./program.ts";

/** Invocations by URL, some of them every so often, whatever becomes of those before. */
export class Load {
  private readonly failures: string[] = [];
  private readonly calls = new Set<Promise<void>>();
  private good = 0;
  private timer?: ReturnType<typeof setInterval>;
  private sent = 0;

  constructor(private readonly url: string, private readonly kinds: readonly { path: string; body?: string }[]) {}

  begin({ calls, everyMs }: { calls: number; everyMs: number }): void {
    this.timer = setInterval(() => {
      for (let n = 0; n < calls; n++) {
        const call: Promise<void> = this.call().finally(() => this.calls.delete(call));
        this.calls.add(call);
      }
    }, everyMs);
  }

  /** Resolves when so many more have been answered well. */
  async answered(more: number): Promise<void> {
    const wanted = this.good + more;
    await until(`${more} more answers`, () => Promise.resolve(this.good), (good) => good >= wanted);
  }

  /** Sends no more, and every call is answered; what those that failed were told. */
  async end(): Promise<string[]> {
    clearInterval(this.timer);
    await within(Promise.all(this.calls), `an answer to each of ${this.calls.size} calls`);
    return this.failures;
  }

  private async call(): Promise<void> {
    const { path, body } = this.kinds[this.sent++ % this.kinds.length];
    try {
      const response = await fetch(this.url + path, { method: body === undefined ? "GET" : "POST", body });
      const text = await response.text();
      if (response.ok) this.good++;
      else this.failures.push(`${response.status} ${text}`);
    } catch (error) {
      this.failures.push(String(error));
    }
  }
}
