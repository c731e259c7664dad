/** Pure decisions about scaling, keep-alive and eviction. */
export { type Ablation, ABLATIONS, adaptive, type AdaptiveOptions, DEFAULT_ADAPTIVE_OPTIONS } from "./adaptive/mod.ts";
export { baseline } from "./baseline.ts";
export { DEFAULT_POLICY, POLICIES, type PolicySettings } from "./catalog.ts";
export { fixedKeepalive, type FixedKeepaliveOptions } from "./fixed_keepalive.ts";
export { onDemand, type OnDemandOptions } from "./on_demand.ts";
export { override, type PolicyOverrides } from "./overrides.ts";
export type * from "./policy.ts";
