/** A thread of the shadow policies that fails as soon as there is something to do. */
(globalThis as unknown as { onmessage: (event: { data: { kind: string } }) => void }).onmessage = ({ data }) => {
  if (data.kind === "batch") throw new Error("this thread is out of its mind");
};
