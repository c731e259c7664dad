/**
 * Bugs to plant, one of each promise's kind, to show that the checkers would see them. They reach into the scheduler
 * from outside, so none of it is in what runs in production.
 */
import type { Tables } from "../../core/mod.ts";
import type { Scheduler } from "../../scheduler/scheduler.ts";
import type { Plant } from "./world.ts";

// deno-lint-ignore no-explicit-any -- a bug that is planted respects nobody's privacy
type Anything = any;

const parts = (scheduler: Scheduler): { tables: Tables; controller: Anything; dispatcher: Anything } => {
  const { state, controller, dispatcher } = scheduler as Anything;
  return { tables: state.tables, controller, dispatcher };
};

/** Replaces a method by what `broken` makes of the right one. */
function replace<T extends object, K extends keyof T>(object: T, method: K, broken: (right: T[K]) => T[K]): void {
  const right = (object[method] as Anything).bind(object);
  object[method] = broken(right);
}

/** Does what is right but for every `n`th time. */
function failEvery(n: number, instead: unknown) {
  let count = 0;
  return (right: Anything) => (...args: unknown[]) => ++count % n === 0 ? instead : right(...args);
}

/** By the promise that each breaks. */
export const PLANTS: Readonly<Record<string, Plant>> = {
  /** Memory is given out whether or not there is any. */
  "memory-unchecked": (scheduler) => replace(parts(scheduler).tables.nodes, "reserve", () => () => true),
  /** A container takes one more than it may. */
  "limit-ignored": (scheduler) => {
    const { containers } = parts(scheduler).tables;
    replace(containers, "publish", (right) => (slot, rank, limit, ...rest) => {
      right(slot, rank, Math.min(255, limit + 1), ...rest);
    });
  },
  /** Now and then a grant gets lost on its way to who waits for it. */
  "grant-lost": (scheduler) => replace(parts(scheduler).dispatcher, "deliver", failEvery(20, undefined)),
  /** A lease whose caller is gone stays for ever. */
  "leases-for-ever": (scheduler) => replace(parts(scheduler).controller, "expireLeases", () => () => {}),
  /** A container is struck from the books and never removed. */
  "container-leaked": (scheduler) => {
    replace(parts(scheduler).controller.remover, "call", () => () => Promise.resolve());
  },
  /** A node is forgotten and never released. */
  "node-leaked": (scheduler) => replace(parts(scheduler).controller.nodes, "release", () => () => {}),
  /** Now and then a decision is not noted. */
  "decision-not-noted": (scheduler) => replace(parts(scheduler).tables.decisions, "record", failEvery(10, undefined)),
};
