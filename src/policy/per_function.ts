import type { FunctionFacts } from "./policy.ts";

/** What a policy keeps of each function, made when it first needs it. */
export class PerFunction<State> {
  readonly #states = new Map<number, State>();

  constructor(private readonly create: (fn: FunctionFacts) => State) {}

  of(fn: FunctionFacts): State {
    let state = this.#states.get(fn.id);
    if (state === undefined) this.#states.set(fn.id, state = this.create(fn));
    return state;
  }

  forget(fn: FunctionFacts): void {
    this.#states.delete(fn.id);
  }

  entries(): IterableIterator<[id: number, State]> {
    return this.#states.entries();
  }
}
