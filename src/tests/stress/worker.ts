/** A worker thread of a stress run: one operation after the other until it fails, finds something or is told to end. */
import { assert } from "../../base/mod.ts";
import { Actor, WorkerFailure } from "./actor.ts";
import { Command, WorkerState } from "./control.ts";
import { Operations } from "./operations.ts";
import { type Scene, Stage } from "./scene.ts";

/** What a worker is started with. */
export interface WorkerStart {
  readonly scene: Scene;
  readonly worker: number;
  readonly life: number;
}

declare const self: {
  onmessage: (event: MessageEvent<WorkerStart>) => void;
  close(): void;
  postMessage(text: string): void;
};

self.onmessage = async ({ data: { scene, worker, life } }) => {
  const stage = new Stage(scene, worker);
  const { control, tables: { mailboxes } } = stage;
  const operations = new Operations(scene.seed, worker, life);
  try {
    const actor = new Actor(stage, worker);
    while (control.proceed(worker) === Command.run) {
      operations.next();
      control.begins(worker, operations.what);
      if (!actor.perform(operations)) continue;
      const bell = mailboxes.bell(worker);
      if (actor.letters()) continue;
      control.sleepsOn(worker, bell);
      control.setState(worker, WorkerState.asleep);
      await mailboxes.awaitBell(worker, bell);
    }
    actor.settle();
    control.setState(worker, WorkerState.done);
    self.close();
  } catch (error) {
    assert(error instanceof Error, "something else than an Error was thrown");
    if (error instanceof WorkerFailure) {
      control.setState(worker, WorkerState.exited);
      self.close();
    } else {
      self.postMessage(`worker ${worker}: ${error.name}: ${error.message}`);
      control.setState(worker, WorkerState.failed);
    }
  }
};
