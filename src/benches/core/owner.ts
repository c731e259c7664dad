/** Entry of a Web Worker that owns all state: others ask it by message, and it answers each. */
import { PlainScheduler } from "./plain.ts";

/** First the table's size, then requests. */
export type OwnerAsk =
  | { readonly functions: number; readonly containers: number }
  | { readonly n: number; readonly id: string; readonly functionSlot: number }
  | { readonly n: number; readonly id: string };
export interface OwnerAnswer {
  readonly n: number;
  readonly ok: boolean;
}

let scheduler: PlainScheduler | undefined;
const port = self as unknown as {
  onmessage: (event: MessageEvent<OwnerAsk>) => void;
  postMessage: (answer: OwnerAnswer) => void;
};
port.onmessage = ({ data }) => {
  if (!("n" in data)) {
    scheduler = new PlainScheduler(data.functions, data.containers);
    port.postMessage({ n: -1, ok: true });
  } else if ("functionSlot" in data) {
    port.postMessage({ n: data.n, ok: scheduler!.acquire(data.id, data.functionSlot) });
  } else {
    port.postMessage({ n: data.n, ok: scheduler!.release(data.id) });
  }
};
