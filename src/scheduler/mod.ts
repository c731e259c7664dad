/** Which container runs an invocation, and when containers and nodes come and go. */
export { createClusterClient, createSchedulerClient } from "./client.ts";
export type { SchedulerParts } from "./context.ts";
export { metricsRoute } from "./metrics.ts";
export { DEFAULT_SCHEDULER_OPTIONS, type SchedulerOptions } from "./options.ts";
export type * from "./ports.ts";
export type { ToController, ToWorker } from "./messages.ts";
export { Scheduler } from "./scheduler.ts";
export { clusterRoutes, schedulerRoutes } from "./service.ts";
export type { Observations, Observer } from "./score/observer.ts";
export { quantileMs, type TimesView } from "./score/times.ts";
export type * from "./score/view.ts";
export { WorkerScheduler } from "./worker_scheduler.ts";
