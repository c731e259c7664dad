/** The scheduler process that holds a node. */
export interface NodeOwner {
  readonly ownerId: string;
  /** Larger the newer the scheduler is; 0 where it does not tell. */
  readonly ownerEpoch: number;
}

/** Nobody holds the node. */
export const NO_OWNER: NodeOwner = { ownerId: "", ownerEpoch: 0 };

/**
 * Whether `claimant` may hold what `holder` holds: a message of a scheduler that is gone may arrive after its
 * successor's, and must not take the node from it. Who does not tell how new it is takes it as before.
 */
export function supersedes(claimant: NodeOwner, holder: NodeOwner): boolean {
  return claimant.ownerEpoch === 0 || claimant.ownerId === holder.ownerId || claimant.ownerEpoch > holder.ownerEpoch;
}
