import { MIB } from "../../base/mod.ts";
import { REFERENCE_NODE } from "../../nodeservice/runtimes/simulated/model.ts";
import { DEFAULT_NETWORK, type NetworkOptions } from "./network.ts";

/** What a simulated cluster is made of. One model for every comparison: what is not said is the reference environment. */
export interface ClusterOptions {
  /** Nodes ready at the start, which the pool tries to keep ready. */
  readonly nodesWarm: number;
  /** Nodes there can be. */
  readonly nodesMax: number;
  /** How long after a reservation or a release the pool has another node, in milliseconds. */
  readonly refillMs: number;
  /** Processors of a node. */
  readonly cores: number;
  /** Memory of a node that containers may use, in bytes. When they use more, the largest is killed. */
  readonly nodeMemoryBytes: number;
  /** How far what containers may use can go beyond that in all, as a factor: the agent refuses more. */
  readonly overcommitMax: number;
  /** A container's start: a delay, and core-milliseconds on the node's processors. */
  readonly startDelayMs: number;
  readonly startCpuMs: number;
  /** What a container holds before anything runs in it, in bytes. */
  readonly idleBytes: number;
  /** Share of the nodes that do not come up, and of the containers that fail to start once they have tried. */
  readonly nodeFailureRate: number;
  readonly startFailureRate: number;
  /** How long the removal of a container takes, in milliseconds. */
  readonly removeMs: number;
  /** What the end of a call tells as its memory: what it used itself, or what its container held at most meanwhile. */
  readonly peakTold: "call" | "container";
  readonly network: NetworkOptions;
}

/**
 * How far policies are compared with overcommitting nodes, as a factor: what containers may use in all can go this far
 * beyond their node's memory. Only a policy that charges less than a container may use (`Policy.chargeKiB`) makes use
 * of it, and it charges what was measured; 1 switches it off. Eight is where a container of 256 MiB that holds what an
 * idle one does, and little more, is charged that much.
 */
export const DEFAULT_OVERCOMMIT = 8;

export const DEFAULT_CLUSTER: ClusterOptions = {
  nodesWarm: 10,
  nodesMax: 20,
  refillMs: 30_000,
  cores: REFERENCE_NODE.cores,
  nodeMemoryBytes: 3_072 * MIB,
  overcommitMax: 1,
  startDelayMs: REFERENCE_NODE.startDelayMs,
  startCpuMs: REFERENCE_NODE.startCpuMs,
  idleBytes: REFERENCE_NODE.idleBytes,
  nodeFailureRate: 0,
  startFailureRate: 0,
  removeMs: 5,
  peakTold: "call",
  network: DEFAULT_NETWORK,
};

/** The start as the field's notes have it: 3.5 s, of which the same share is work. */
export const SLOW_START = { startDelayMs: 3_100, startCpuMs: 400 } as const;
