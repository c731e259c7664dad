/** All cases of the exploration. */
import type { Case } from "./case.ts";
import { LEASE_CASES } from "./lease_cases.ts";
import { NODE_CASES } from "./node_cases.ts";
import { PERMIT_CASES } from "./permit_cases.ts";
import { RING_CASES } from "./ring_cases.ts";

export const CASES: readonly Case[] = [...PERMIT_CASES, ...RING_CASES, ...LEASE_CASES, ...NODE_CASES];
