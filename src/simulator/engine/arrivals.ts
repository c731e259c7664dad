import { DEFAULT_ACCOUNT, type FunctionSpec } from "../../base/mod.ts";
import type { Workload } from "../workloads/types.ts";
import { Call, type CallParts } from "./call.ts";
import { SimEvent } from "./event_queue.ts";

/** A workload's functions as the scheduler is told of them. */
export function specsOf({ functions }: Workload, concurrency: number): FunctionSpec[] {
  return functions.map(({ id, memoryBytes, timeoutMs }) => ({
    accountId: DEFAULT_ACCOUNT,
    functionName: id,
    handler: "",
    memoryBytes,
    timeoutMs,
    codeHash: "",
    version: 1,
    concurrency,
    allowNet: [],
  }));
}

/** The calls of a workload as they come. */
export class Arrivals extends SimEvent {
  readonly #parts: CallParts;
  #next = 0;

  constructor(parts: CallParts) {
    super();
    this.#parts = parts;
  }

  begin(): void {
    const { clock, calls } = this.#parts;
    if (this.#next < calls.count) clock.schedule(this, calls.atMs[this.#next]);
  }

  override fire(): void {
    const call = new Call(this.#parts, this.#next++);
    this.begin();
    call.acquire();
  }
}
