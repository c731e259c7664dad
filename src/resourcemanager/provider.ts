/** The interface that every source of nodes implements. */

/** A node that is ready and clean. */
export interface ProvidedNode {
  /** Unique for this life of the node: after a recycle it is another one, so that a late release meets nobody. */
  readonly nodeId: string;
  readonly address: string;
  readonly port: number;
  /** What containers may use, in all. */
  readonly memoryBytes: number;
  /** Set where a scheduler holds the node already, from before this process began. */
  readonly inUse?: boolean;
}

/** Called once when the node ends by itself, at any time after the start was asked for; then it is forgotten. */
export type OnDead = (reason: string) => void;

/** Starts nodes of one kind. The pool calls `recycle` and `stop` at most once for one life of a node. */
export interface NodeProvider {
  /** A ready, clean node. Rejects where there is none to be had now; the pool tries again later. */
  start(onDead: OnDead): Promise<ProvidedNode>;
  /** Makes a used node clean, as a new life with its own `nodeId`. Rejects where the node is lost over it. */
  recycle(node: ProvidedNode, onDead: OnDead): Promise<ProvidedNode>;
  /** Gives the node up. Its `onDead` is not called for it. Never rejects. */
  stop(node: ProvidedNode): Promise<void>;
  /** Gives all nodes up, those being started too. Never rejects. */
  close(): Promise<void>;
}
