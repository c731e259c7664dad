import { functionKey, type FunctionSpec, invalidArgument, KIB, MIB, type PlatformError } from "../base/mod.ts";
import type { Tables } from "../core/mod.ts";
import { factsOf, type FunctionRecord, kibOf, type State } from "./state.ts";

/**
 * The record of the function that an acquire names. Another configuration is a new generation: the containers of the
 * old one drain. A caller that names no version takes what the registry deployed, and one that names an older version
 * gets the newer: late requests of a deploy must not bring the old code back.
 */
export function defineFunction(
  state: State,
  stopGrants: (slot: number) => void,
  spec: FunctionSpec,
  nowMs: number,
): FunctionRecord {
  const key = functionKey(spec);
  const record = state.functions.get(key);
  if (!record) return state.addFunction(key, spec, nowMs);
  if (record.spec === spec || spec.version < record.spec.version) return record;
  if (sameFunction(spec, record.spec)) return record;
  record.spec = spec;
  record.facts = factsOf(record.facts.id, spec);
  record.limit = spec.concurrency;
  record.chargeKiB = kibOf(spec.memoryBytes);
  state.tables.functions.renew(record.slot);
  record.startFailures = 0;
  record.brokenUntilMs = 0;
  record.startError = undefined;
  for (const container of record.containers) {
    // A starting one is compared with the record's configuration when it is up.
    if (container.containerId !== "" && !sameFunction(container.spec, spec)) stopGrants(container.slot);
  }
  return record;
}

/** Whether containers of one configuration may serve the other. An empty code hash stands for any code. */
export function sameFunction(wanted: FunctionSpec, present: FunctionSpec): boolean {
  return wanted.version === present.version &&
    (wanted.codeHash === "" || wanted.codeHash === present.codeHash) &&
    wanted.memoryBytes === present.memoryBytes &&
    wanted.timeoutMs === present.timeoutMs &&
    wanted.concurrency === present.concurrency &&
    wanted.handler === present.handler &&
    wanted.allowNet.length === present.allowNet.length &&
    wanted.allowNet.every((host, i) => host === present.allowNet[i]);
}

/** Why a function can never run here: no node is as large as its containers. Undefined where one may be. */
export function refuseTooLarge(tables: Tables, { memoryBytes }: FunctionSpec): PlatformError | undefined {
  const largestKiB = tables.largestNodeKiB;
  if (largestKiB === 0 || memoryBytes <= largestKiB * KIB) return undefined;
  const found = `${Math.ceil(memoryBytes / MIB)} MiB`;
  const allowed = `at most ${Math.floor(largestKiB * KIB / MIB)} MiB, the largest node's memory`;
  return invalidArgument("function_config.memory_in_bytes", found, allowed);
}
