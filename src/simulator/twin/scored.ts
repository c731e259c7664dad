import type { ScoredCosts } from "../../scheduler/score/view.ts";
import { FAILED_PENALTY, FAILED_SHARE_MAX, responseRatioOf, WEIGHTS_EVEN } from "../score/score.ts";
import type { Costs } from "./ledger.ts";

/**
 * Costs beside the baseline's, as the evaluation scores them, but for two things: of response times means are compared,
 * not sums, since at a moment some calls are over in one twin and not yet in the other; and failures count as far as the
 * baseline, which serves the same calls, has fewer.
 */
export function scoredCosts(costs: Costs, baseline: Costs | undefined): ScoredCosts {
  const view = costs.view();
  if (!baseline) return view;
  const base = baseline.view();
  const ratios: number[] = [];
  const baselineMeans = baseline.meansMs();
  for (const [slot, meanMs] of costs.meansMs()) {
    const ratio = responseRatioOf(meanMs, baselineMeans.get(slot));
    if (ratio !== undefined) ratios.push(ratio);
  }
  if (ratios.length === 0 || base.nodeSeconds === 0) return view;
  const responseRatio = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  const nodeRatio = view.nodeSeconds / base.nodeSeconds;
  const share = ({ failed, calls }: { failed: number; calls: number }) => calls === 0 ? 0 : failed / calls;
  const penalty = share(view) > share(base) + FAILED_SHARE_MAX ? FAILED_PENALTY : 0;
  const { responseTime, nodeTime } = WEIGHTS_EVEN;
  return { ...view, responseRatio, nodeRatio, score: responseTime * responseRatio + nodeTime * nodeRatio + penalty };
}
