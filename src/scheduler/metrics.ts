import type { Hono } from "hono";
import { METRICS_CONTENT_TYPE, metricsPieces } from "./metrics_text.ts";
import type { ClusterPort } from "./ports.ts";

/** `GET /metrics`, for whatever scrapes it; the scheduler answers on whichever thread is asked. */
export function metricsRoute(cluster: Pick<ClusterPort, "score" | "summary">): (app: Hono) => void {
  return (app) => {
    app.get("/metrics", async (c) => {
      const [score, summary] = await Promise.all([cluster.score(), cluster.summary()]);
      const body = streamOf(metricsPieces(score, summary));
      return c.body(body, 200, { "content-type": METRICS_CONTENT_TYPE });
    });
  };
}

/** Makes a piece whenever there is room for one. */
function streamOf(pieces: Iterator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
  });
}
