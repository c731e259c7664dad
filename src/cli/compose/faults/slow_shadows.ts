/** A thread of the shadow policies that is done with nothing before it has forty batches. */
const thread = globalThis as unknown as {
  onmessage: (event: { data: { kind: string } }) => void;
  postMessage(message: { kind: "done" }): void;
};
let batches = 0;

thread.onmessage = ({ data }) => {
  if (data.kind !== "batch" || ++batches < 40) return;
  for (; batches > 0; batches--) thread.postMessage({ kind: "done" });
};
