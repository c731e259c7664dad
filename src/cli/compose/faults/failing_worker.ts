/**
 * The ingress thread's program with a fault, for tests: `?marker=FILE&fault=throw|hang`. The first thread that does not
 * find the file makes it, and breaks as soon as it has told that it listens.
 */
import "../scheduler_worker.ts";

const parameters = new URL(import.meta.url).searchParams;
const thread = globalThis as unknown as { postMessage: (message: { kind: string }) => void };
const post = thread.postMessage.bind(globalThis);

thread.postMessage = (message) => {
  post(message);
  if (message.kind === "listening" && isFirst(parameters.get("marker")!)) setTimeout(breakDown);
};

function breakDown(): void {
  if (parameters.get("fault") === "throw") throw new Error("planted");
  for (;;);
}

function isFirst(marker: string): boolean {
  try {
    Deno.writeTextFileSync(marker, "", { createNew: true });
    return true;
  } catch {
    return false;
  }
}
