/** Checks one text and is ended: what the engine keeps of a compiled module goes with the worker. */
import { problemOfModule } from "./module_check.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<string>) => void;
  postMessage(message: { problem?: string }): void;
};

scope.onmessage = (event) => scope.postMessage({ problem: problemOfModule(event.data) });
