/** The interface that every container runtime implements, and `runtimes/contract.ts` tests. */
import type { FunctionSpec, Invocation, InvocationFooter, InvocationReply, LogLine, StartTimes } from "../base/mod.ts";

export type Failure = NonNullable<InvocationFooter["failure"]>;

/** Starts containers of one kind on this node. */
export interface ContainerRuntime {
  readonly name: "process" | "simulated";
  /** What is enforced here, and what cannot be: one line each, told once at the start. */
  readonly enforcement: readonly { readonly what: string; readonly enforced: boolean; readonly how: string }[];
  /**
   * Starts a container and loads its code. Resolves when it can take invocations; rejects with a PlatformError
   * (`failed_precondition` with failure `import` where the code cannot be loaded, `resource_exhausted` with
   * `out_of_memory` where its memory does not suffice to start) and then leaves nothing behind.
   */
  create(request: CreateRequest, signal?: AbortSignal): Promise<Container>;
  /** Processors that its containers share. */
  readonly processors: number;
  /** What all its containers hold now, in bytes. */
  memoryBytes(): number;
  /** Removes all containers and whatever the runtime itself holds. */
  close(): Promise<void>;
}

export interface CreateRequest {
  /** Chosen by the agent, unique on this node: safe as a file name. */
  readonly containerId: string;
  readonly function: FunctionSpec;
  /** The function's code: one self-contained JavaScript module. */
  readonly code: Uint8Array;
  /** Where what the container prints goes, line by line. */
  readonly onLog: (line: LogLine) => void;
}

export interface Container {
  readonly containerId: string;
  readonly times: StartTimes;
  /** False once it can take no further invocation (crashed, killed, removed). */
  readonly usable: boolean;
  /**
   * Runs one invocation; several may run at once. Never rejects: failures stand in the footer. Aborting `signal`
   * (the caller left) cancels it.
   */
  invoke(invocation: Invocation, signal: AbortSignal): Promise<InvocationReply>;
  /**
   * Memory it holds now, and the processor time it has used since it came up, in milliseconds on one processor: its
   * start is not its function's doing.
   */
  usage(): { readonly memoryBytes: number; readonly cpuMs: number };
  /** Ends it at once: what runs in it fails so, and it takes nothing more. It is still to be removed. */
  stop(failure: Failure): void;
  /** Stops it, whatever runs in it, and leaves no process, socket, cgroup or file behind. Twice is once. */
  remove(): Promise<void>;
}
