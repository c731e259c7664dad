/** The thread on which candidate policies run in virtual time on the live calls. */
import { messageOf } from "../../base/mod.ts";
import { POLICIES } from "../../policy/mod.ts";
import { Twins } from "../../simulator/twin/twins.ts";
import { policyOf } from "./policy.ts";
import type { FromShadows, ShadowsStart, ToShadows } from "./shadow_messages.ts";

/** Every run has the same chance. */
const SEED = 1;
/** What scores are measured against. */
const BASELINE = "baseline";
/** A view costs some thousand sums: so often, in batches. */
const VIEW_BATCHES = 4;

const thread = globalThis as unknown as {
  onmessage: (event: MessageEvent<ToShadows>) => void;
  postMessage(message: FromShadows): void;
};

let twins: Twins;
let batches = 0;
/** One batch after the other. */
let work = Promise.resolve();

thread.onmessage = ({ data }) => {
  work = work.then(async () => {
    if (data.kind === "start") twins = build(data);
    else {
      await twins.take(data.batch);
      thread.postMessage({ kind: "done", view: batches++ % VIEW_BATCHES === 0 ? twins.view() : undefined });
    }
  }).catch((error) => thread.postMessage({ kind: "failed", reason: messageOf(error) }));
};

function build({ settings, shadow, lagMs, cluster, overcommit, nodeMemoryBytes, capacity }: ShadowsStart): Twins {
  const { policy: acting, weights } = settings;
  const create = (name: string) => () => POLICIES[name]({ weights });
  const names = [...new Set(shadow)].filter((name) => name !== BASELINE);
  return new Twins({
    policies: [
      { name: acting, role: "acting", create: () => policyOf(settings) },
      ...names.map((name) => ({ name, role: "shadow" as const, create: create(name) })),
      { name: BASELINE, role: "baseline", create: create(BASELINE) },
    ],
    ...{ lagMs, seed: SEED, capacity, scheduler: { nodesMax: cluster.nodesMax, overcommitMax: overcommit } },
    cluster: { ...cluster, overcommitMax: overcommit, ...(nodeMemoryBytes === undefined ? {} : { nodeMemoryBytes }) },
  });
}
