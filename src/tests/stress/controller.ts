/** The thread that plays the controller. It tells now and then that it goes on, and at the end what came out. */
import { runStress, type StressOptions, type StressReport } from "./run.ts";

/** What the controller's thread tells: that it goes on, or how it ended. */
export type ControllerMessage = { readonly report?: StressReport };

declare const self: {
  onmessage: (event: MessageEvent<StressOptions>) => void;
  postMessage(message: ControllerMessage): void;
};

self.onmessage = async ({ data }) => {
  self.postMessage({ report: await runStress(data, () => self.postMessage({})) });
};
