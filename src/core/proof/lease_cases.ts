/** One request id, one live lease: insertions of one id at once, and ends that come twice or late. */
import { assert } from "../../base/mod.ts";
import type { Hash64 } from "../hash.ts";
import { LeaseState } from "../leases.ts";
import type { Tables } from "../tables.ts";
import type { Actor } from "./actor.ts";
import type { Case } from "./case.ts";

/** Two ids that share both buckets. */
const X: Hash64 = { lo: 2, hi: 5 }, Y: Hash64 = { lo: 4, hi: 7 };
/** Half a first bucket of theirs: a bucket so full sends the next id to its second one. */
const CROWD: readonly Hash64[] = [6, 8, 10, 12].map((lo) => ({ lo, hi: 9 }));

/** Acquires for the id, if it may: answers what `insert` found. */
const acquire = (hash: Hash64) => ({ tables: { leases } }: Actor): string => {
  const found = leases.insert(hash);
  if (found === "inserted") leases.publish(leases.found, 0, 0, 0);
  return found;
};
const abandon = (hash: Hash64) => ({ tables: { leases } }: Actor): string => {
  const found = leases.insert(hash);
  if (found !== "inserted") return found;
  leases.abandon(leases.found);
  return "abandoned";
};
/** Releases the id's lease: answers whether it was this call that ended it. */
const end = (hash: Hash64) => ({ tables: { leases } }: Actor): string => {
  const lease = leases.find(hash);
  if (lease < 0 || !leases.beginEnd(lease, leases.foundLife)) return "none";
  leases.end(lease);
  return "ended";
};
const live = (hash: Hash64) => (elsewhere: Actor) => {
  assert(acquire(hash)(elsewhere) === "inserted", "no lease to begin with");
};
const crowded = (elsewhere: Actor) => CROWD.forEach((hash) => live(hash)(elsewhere));
const count = (outcomes: readonly unknown[], what: string) => outcomes.filter((outcome) => outcome === what).length;

function check(tables: Tables, outcomes: readonly unknown[], liveBefore: number): void {
  const { leases } = tables;
  leases.checkInvariants();
  const wanted = liveBefore + count(outcomes, "inserted") - count(outcomes, "ended");
  assert(leases.countLive() === wanted, `${leases.countLive()} live leases, ${wanted} by what the threads were told`);
  for (let lease = 0; lease < leases.size; lease++) {
    const state = leases.state(lease);
    assert(state === LeaseState.empty || state === LeaseState.live, `lease ${lease} was left in state ${state}`);
  }
}

export const LEASE_CASES: readonly Case[] = [
  {
    name: "lease-insert",
    about: "insertions of one id at once",
    threads: [acquire(X), acquire(X), acquire(X)],
    check(tables, outcomes) {
      check(tables, outcomes, 0);
      assert(count(outcomes, "inserted") <= 1, `inserted more than once: ${outcomes}`);
      assert(tables.leases.countLive() === 0 || tables.leases.find(X) >= 0, "a live lease is not found");
    },
  },
  {
    name: "lease-abandon",
    about: "an insertion of an id as another of it is given up",
    threads: [abandon(X), acquire(X), acquire(Y)],
    check: (tables, outcomes) => check(tables, outcomes, 0),
  },
  {
    name: "lease-end",
    about: "a lease is ended twice as its entry goes to another id",
    setup: live(X),
    threads: [end(X), end(X), acquire(Y)],
    check(tables, outcomes) {
      check(tables, outcomes, 1);
      assert(count(outcomes, "ended") === 1, `the lease was ended ${count(outcomes, "ended")} times`);
      assert(outcomes.length < 3 || tables.leases.find(Y) >= 0, "the lease of the other id was ended");
    },
  },
  {
    name: "lease-again",
    about: "an id is acquired as its lease ends",
    setup: live(X),
    threads: [end(X), acquire(X), acquire(X)],
    check(tables, outcomes) {
      check(tables, outcomes, 1);
      assert(count(outcomes, "inserted") <= 1, `inserted more than once: ${outcomes}`);
    },
  },
  {
    name: "lease-spill",
    about: "insertions of one id at once, to its second bucket or to its first as there comes to be room",
    setup: crowded,
    threads: [acquire(X), acquire(X), end(CROWD[0])],
    check(tables, outcomes) {
      check(tables, outcomes, CROWD.length);
      assert(count(outcomes, "inserted") <= 1, `inserted more than once: ${outcomes}`);
    },
  },
  {
    name: "lease-spilled",
    about: "an id is acquired while its lease in the second bucket ends",
    setup(elsewhere) {
      crowded(elsewhere);
      live(X)(elsewhere);
    },
    threads: [end(X), acquire(X), end(CROWD[0])],
    check: (tables, outcomes) => check(tables, outcomes, CROWD.length + 1),
  },
];
