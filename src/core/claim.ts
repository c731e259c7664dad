/**
 * The claim word of a container: everything an acquire decides on, in 32 bits, so that one CAS decides it.
 *
 * | bits  | what                                     |
 * |-------|------------------------------------------|
 * | 0–7   | in-flight invocations                    |
 * | 8–15  | concurrency limit                        |
 * | 16–18 | phase                                    |
 * | 19–30 | low 12 bits of the slot's generation     |
 * | 31    | 0                                        |
 */
export const ContainerPhase = { free: 0, starting: 1, warm: 2, draining: 3, removing: 4 } as const;
export type ContainerPhase = (typeof ContainerPhase)[keyof typeof ContainerPhase];

export const GENERATION_MASK = 0xfff;

export function packClaim(inFlight: number, limit: number, phase: ContainerPhase, generation: number): number {
  return inFlight | limit << 8 | phase << 16 | (generation & GENERATION_MASK) << 19;
}
export const inFlightOf = (claim: number): number => claim & 0xff;
export const limitOf = (claim: number): number => claim >>> 8 & 0xff;
export const phaseOf = (claim: number): ContainerPhase => (claim >>> 16 & 7) as ContainerPhase;
export const generationOf = (claim: number): number => claim >>> 19 & GENERATION_MASK;
/** Warm and below its limit: one more invocation may be claimed. */
export const hasRoom = (claim: number): boolean =>
  phaseOf(claim) === ContainerPhase.warm && inFlightOf(claim) < limitOf(claim);
export const withPhase = (claim: number, phase: ContainerPhase): number => claim & ~(7 << 16) | phase << 16;
export const withLimit = (claim: number, limit: number): number => claim & ~(0xff << 8) | limit << 8;
