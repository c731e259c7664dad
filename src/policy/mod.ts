/** Pure decisions about scaling, keep-alive and eviction. */
export { onDemand, type OnDemandOptions } from "./on_demand.ts";
export type * from "./policy.ts";
