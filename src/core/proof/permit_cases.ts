/** Permits and those who wait for them: grant, cancel, release, retire, enqueue. */
import { assert } from "../../base/mod.ts";
import { warmContainer } from "../testing.ts";
import { type Actor, FN, NOTHING } from "./actor.ts";
import { type Case, checkAllDone, checkPermits } from "./case.ts";

/** Container 0 is warm with this limit, and so many permits of it are held. */
const warm = (limit: number, held: number) => ({ tables }: Actor) => {
  warmContainer(tables, 0, FN, limit);
  for (let n = 0; n < held; n++) assert(tables.functions.claim(FN) === 0, "no permit to begin with");
};
/** As `warm` with one permit that is held; these threads wait in the queue already. */
const queued = (...threads: number[]) => (elsewhere: Actor, worker: (thread: number) => Actor) => {
  warm(1, 1)(elsewhere);
  for (const thread of threads) worker(thread).enqueue();
};
const cancelQueued = (me: Actor) => {
  me.cancel(me.firstTicket);
  return NOTHING;
};
/** As `cancelQueued`, but keeps what was granted first. */
const cancelOrKeep = (me: Actor) => me.cancelled(me.firstTicket) ? NOTHING : me.awaitGrant(me.firstTicket);
const keepGranted = (me: Actor) => me.awaitGrant(me.firstTicket);
const acquireAndKeep = (me: Actor) => me.acquire();
const acquireAndRelease = (me: Actor) => me.release(me.acquire());
const release = (me: Actor) => me.release(0);
const releaseBoth = (me: Actor) => {
  me.release(0);
  return me.release(0);
};
/** Takes a permit if there is one at once. */
const tryAndKeep = (me: Actor) => me.tryAcquire();
const waitAndKeep = (me: Actor) => me.awaitGrant(me.enqueue());
const waitAndCancel = (me: Actor) => {
  me.cancel(me.enqueue());
  return NOTHING;
};
/** Takes the idle container out of service, and out of the tables. */
const retire = (me: Actor) => {
  const { containers } = me.tables;
  if (containers.retire(0)) strikeOut(me);
  return NOTHING;
};
/** Takes the container out of service with whatever runs in it. */
const drain = (me: Actor) => {
  me.tables.containers.drain(0);
  return NOTHING;
};
function strikeOut({ tables: { containers, functions, nodes } }: Actor): void {
  functions.removeRank(FN, containers.rank(0));
  containers.end(0);
  nodes.release(0, containers.kib(0));
}
/** Lets the container take so many, and offers it where that gives it room; keeps a permit of it, or none. */
const relimit = (limit: number, keeps: 0 | typeof NOTHING) => (me: Actor) => {
  const { containers, functions } = me.tables;
  if (containers.setLimit(0, limit)) functions.offer(FN, containers.rank(0));
  me.match();
  return keeps;
};
/** Retires the container and starts another in its slot. */
const replace = (me: Actor) => {
  const { containers } = me.tables;
  if (!containers.retire(0)) return NOTHING;
  strikeOut(me);
  warmContainer(me.tables, 0, FN, 1);
  me.match();
  return NOTHING;
};

export const PERMIT_CASES: readonly Case[] = [
  {
    name: "claim",
    about: "two claim the last permit while a third is put back",
    setup: warm(2, 1),
    threads: [acquireAndKeep, release, acquireAndKeep],
    check: checkAllDone,
  },
  {
    name: "claim-hint",
    about: "one finds a full container and hides its hint as both permits come back, and another looks meanwhile",
    setup: warm(2, 2),
    threads: [tryAndKeep, releaseBoth, waitAndKeep],
    tested: 2,
    check: checkPermits,
  },
  {
    name: "grant-cancel",
    about: "the oldest waiter is cancelled as a release grants it, and another waits behind",
    setup: queued(1, 2),
    threads: [release, cancelQueued, keepGranted],
    check(tables, outcomes) {
      checkAllDone(tables, outcomes);
      assert(outcomes.length < 3 || outcomes[2] === 0, "who was not cancelled has no permit");
    },
  },
  {
    name: "cancel-cancel",
    about: "all waiters are cancelled as a release looks for one",
    setup: queued(1, 2),
    threads: [release, cancelQueued, cancelQueued],
    check: checkAllDone,
  },
  {
    name: "grant-grant",
    about: "two releases at once, and who waits for either",
    setup: (elsewhere, worker) => {
      for (const slot of [0, 1]) warmContainer(elsewhere.tables, slot, FN, 1);
      for (const slot of [0, 1]) assert(elsewhere.tables.functions.claim(FN) === slot, "no permit to begin with");
      worker(2).enqueue();
    },
    threads: [release, (me) => me.release(1), keepGranted, acquireAndKeep],
    tested: 3,
    check: checkPermits,
  },
  {
    name: "enqueue-unclaim",
    about: "a release finds only a cancelled waiter as another comes",
    setup: queued(1),
    threads: [release, cancelOrKeep, acquireAndKeep],
    check: checkPermits,
  },
  {
    name: "enqueue-release",
    about: "waiters come as the only permit is put back",
    setup: warm(1, 1),
    threads: [release, acquireAndKeep, acquireAndRelease],
    tested: 2,
    check: checkPermits,
  },
  {
    name: "wait-cancel",
    about: "a waiter comes and goes as others acquire",
    setup: warm(1, 0),
    threads: [waitAndCancel, acquireAndRelease, acquireAndKeep],
    tested: 2,
    check: checkPermits,
  },
  {
    name: "release-retire",
    about: "a container falls idle and is retired as a waiter comes",
    setup: warm(1, 1),
    threads: [release, retire, acquireAndKeep],
    check: checkPermits,
  },
  {
    name: "release-drain",
    about: "a container is drained with a permit out, as that is put back and a waiter comes",
    setup: warm(2, 1),
    threads: [release, drain, acquireAndKeep],
    check: checkPermits,
  },
  {
    name: "retire-replace",
    about: "a container is retired and its slot used again as permits are claimed",
    setup: warm(1, 0),
    threads: [replace, acquireAndRelease, acquireAndKeep],
    tested: 2,
    check: checkPermits,
  },
  {
    name: "limit-raise",
    about: "a full container comes to take one more as waiters come",
    setup: warm(1, 1),
    threads: [relimit(2, 0), acquireAndKeep, acquireAndKeep],
    tested: 2,
    check: checkPermits,
  },
  {
    name: "limit-lower",
    about: "a container comes to take fewer than run in it, as they are put back for a waiter",
    setup(elsewhere, worker) {
      warm(2, 2)(elsewhere);
      worker(2).enqueue();
    },
    limitMax: 2,
    threads: [relimit(1, NOTHING), releaseBoth, keepGranted],
    check: checkAllDone,
  },
];
