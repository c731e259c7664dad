/** Puts the services together: all in one process, or one alone. */
export { edgeOf } from "./edge.ts";
export { startPlatform } from "./platform.ts";
export { startService } from "./service.ts";
