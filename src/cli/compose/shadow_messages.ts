import type { Capacity } from "../../core/mod.ts";
import type { Observations, ShadowsView } from "../../scheduler/mod.ts";
import type { Settings } from "../platform_flags.ts";

/** The first message to the thread of the shadow policies. */
export interface ShadowsStart {
  readonly kind: "start";
  /** What the acting policy is made from. */
  readonly settings: Pick<Settings, "containerIdle" | "containerMin" | "nodeIdle">;
  readonly shadow: readonly string[];
  readonly lagMs: number;
  readonly cluster: { readonly nodesMax: number; readonly nodesWarm: number; readonly refillMs: number };
  readonly nodeMemoryBytes?: number;
  readonly capacity: Capacity;
}

export type ToShadows = ShadowsStart | { readonly kind: "batch"; readonly batch: Observations };

export type FromShadows =
  /** A batch is done with. */
  | { readonly kind: "done"; readonly view?: ShadowsView }
  | { readonly kind: "failed"; readonly reason: string };
