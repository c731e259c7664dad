/** The lock-free tables that hold all of the scheduler's hot state. No I/O, no timers, no clock. */
export { ContainerPhase, hasRoom, inFlightOf, limitOf, phaseOf } from "./claim.ts";
export { type Decision, decisionOf, Outcome } from "./decisions.ts";
export { type Hash64, hashText } from "./hash.ts";
export { type Capacity, DEFAULT_CAPACITY, RANKS_PER_FUNCTION } from "./layout.ts";
export { LeaseState } from "./leases.ts";
export { NODE_KIB_MAX, NodePhase } from "./nodes.ts";
export type { RecordReader } from "./record_reader.ts";
export { type EndedRun, runOf } from "./runs.ts";
export { Tables } from "./tables.ts";
export { ticketOfCell } from "./tickets.ts";
