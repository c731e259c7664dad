import type { Capacity } from "../../core/mod.ts";
import type { Observations, ShadowsView } from "../../scheduler/mod.ts";
import type { PolicyChoice } from "./policy.ts";

/** The first message to the thread of the shadow policies. */
export interface ShadowsStart {
  readonly kind: "start";
  /** What the acting policy is made from. */
  readonly settings: PolicyChoice;
  readonly shadow: readonly string[];
  readonly lagMs: number;
  /** How far nodes are overcommitted at most, as a factor. */
  readonly overcommit: number;
  readonly cluster: { readonly nodesMax: number; readonly nodesWarm: number; readonly refillMs: number };
  readonly nodeMemoryBytes?: number;
  readonly capacity: Capacity;
}

export type ToShadows = ShadowsStart | { readonly kind: "batch"; readonly batch: Observations };

export type FromShadows =
  /** A batch is done with. */
  | { readonly kind: "done"; readonly view?: ShadowsView }
  | { readonly kind: "failed"; readonly reason: string };
