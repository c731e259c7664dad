/** Memory of a node: reserve against reserve, shut, recycle and resize. */
import { assert } from "../../base/mod.ts";
import { NodePhase } from "../nodes.ts";
import type { Tables } from "../tables.ts";
import type { Actor } from "./actor.ts";
import { type Case, checkMemory, checkNode, NODE_KIB } from "./case.ts";

/** Answers how much it holds at its end. */
const reserve = (kib: number) => ({ tables: { nodes } }: Actor): number => nodes.reserve(0, kib) ? kib : 0;
const reserveAndRelease = (kib: number) => ({ tables: { nodes } }: Actor): number => {
  if (nodes.reserve(0, kib)) nodes.release(0, kib);
  return 0;
};
const sum = (outcomes: readonly unknown[]): number => (outcomes as number[]).reduce((a, b) => a + b, 0);
const check = (tables: Tables, outcomes: readonly unknown[]) => checkNode(tables, sum(outcomes));

const ALL: readonly Case[] = [
  {
    name: "reserve",
    about: "reservations at once that do not all fit",
    threads: [reserve(60), reserve(60), reserveAndRelease(40)],
    check(tables, outcomes) {
      check(tables, outcomes);
      assert(sum(outcomes) <= NODE_KIB, "more reserved than there is");
    },
  },
  {
    name: "reserve-shut",
    about: "a reservation as the node is shut, and opened again",
    threads: [reserve(60), ({ tables: { nodes } }) => {
      nodes.shut(0, NodePhase.joining);
      nodes.open(0);
      return 0;
    }, reserveAndRelease(50)],
    tested: 2,
    check,
  },
  {
    name: "reserve-recycle",
    about: "a reservation as the empty node goes and its slot becomes another one",
    threads: [reserve(60), ({ tables: { nodes } }) => {
      if (!nodes.shutIfEmpty(0)) return 0;
      nodes.recycle(0);
      nodes.join(0, NODE_KIB, 0);
      nodes.open(0);
      return 0;
    }, reserveAndRelease(50)],
    tested: 2,
    check,
  },
  {
    name: "reserve-gone",
    about: "a reservation as the node goes, comes back and goes for good",
    threads: [reserveAndRelease(60), ({ tables: { nodes } }) => {
      if (!nodes.shutIfEmpty(0)) return 0;
      nodes.recycle(0);
      nodes.join(0, NODE_KIB, 0);
      nodes.open(0);
      if (nodes.shutIfEmpty(0)) nodes.recycle(0);
      return 0;
    }, reserveAndRelease(50)],
    tested: 2,
    check,
  },
  {
    name: "reserve-resize",
    about: "a reservation comes and goes as the node's capacity changes",
    threads: [reserveAndRelease(20), ({ tables: { nodes } }) => {
      nodes.resize(0, 50);
      nodes.resize(0, 80);
      return 0;
    }, reserve(40)],
    tested: 2,
    check,
  },
];

/**
 * The same without the placement index, whose many steps decide nothing: so three threads are few enough states. What
 * the index says at the end is checked with two.
 */
const unfiled = (one: Case): Case => ({
  ...one,
  name: `${one.name}-unfiled`,
  about: `${one.about} (without the placement index)`,
  tested: 3,
  threads: one.threads.map((thread) => (me) => {
    Object.assign(me.tables.placement, { file() {}, unfile() {} });
    return thread(me);
  }),
  check: (tables, outcomes) => checkMemory(tables, sum(outcomes)),
});

export const NODE_CASES: readonly Case[] = [...ALL, ...ALL.filter(({ tested }) => tested === 2).map(unfiled)];
