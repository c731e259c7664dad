/** The apiserver: the registry of functions, and the way of an invocation from its caller to a container and back. */
export { BundleChecker } from "./bundle.ts";
export { type ApiClient, createApiClient, type FunctionSummary } from "./client.ts";
export { type CodeSource, createCodeSource } from "./code_source.ts";
export { deploy, type DeployParts } from "./deploy.ts";
export { type EventRequest, invokeEvent } from "./event.ts";
export type { Answer } from "./attempt.ts";
export {
  type Call,
  Invoker,
  type InvokeRequest,
  type InvokerParts,
  type InvokerStats,
  type Timings,
} from "./invoker.ts";
export { type LogParts, streamLogs } from "./logs.ts";
export type {
  LogRequest,
  NodeAddress,
  NodeInvoker,
  NodeInvokers,
  NodeLogLine,
  NodeLogs,
  NodeLogSources,
} from "./ports.ts";
export type { FunctionRecord } from "./records.ts";
export { type Deployment, type FunctionName, Registry } from "./registry.ts";
export { type ApiServerParts, apiServerRoutes } from "./service.ts";
export { createTriggers, type TriggerParts } from "./triggers.ts";
