import type { Hono } from "hono";
import { METRICS_CONTENT_TYPE, metricsText } from "./metrics_text.ts";
import type { ClusterPort } from "./ports.ts";

/** `GET /metrics`, for whatever scrapes it; the scheduler answers on whichever thread is asked. */
export function metricsRoute(cluster: Pick<ClusterPort, "score" | "summary">): (app: Hono) => void {
  return (app) => {
    app.get("/metrics", async (c) => {
      const [score, summary] = await Promise.all([cluster.score(), cluster.summary()]);
      return c.body(metricsText(score, summary), 200, { "content-type": METRICS_CONTENT_TYPE });
    });
  };
}
