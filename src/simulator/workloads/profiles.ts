/** What the functions of generated workloads do: a few characters, the figures of each function drawn from the seed. */
import { MIB, type Random, VCPU_PER_GIB } from "../../base/mod.ts";
import { logUniform, skewed, uniform } from "./draw.ts";
import { opaqueId } from "./opaque_id.ts";
import type { Call, WorkloadFunction } from "./types.ts";

/** `short` and `long` sleep, `cpu` computes, `memory` sleeps and uses most of its memory. */
export type Character = "short" | "long" | "cpu" | "memory";

/** How many of a hundred functions are of each character. */
const SHARES: readonly (readonly [Character, number])[] = [["short", 45], ["long", 20], ["cpu", 20], ["memory", 15]];
const MEMORIES_MIB = [128, 256, 512];
const TIMEOUT_MS = 60_000;
/** What a container holds by itself, with some room: a call that uses more beside it would be killed. */
const CONTAINER_IDLE_MIB = 24;

/** A function and what each of its calls does. */
export interface Profile {
  readonly fn: WorkloadFunction;
  readonly character: Character;
  /** The work of one call. */
  draw(random: Random): Pick<Call, "cpuMs" | "sleepMs" | "peakBytes">;
}

/** Function `index` of a workload: character, memory and mean work drawn, the work of each call varying around that. */
export function drawProfile(random: Random, index: number): Profile {
  const character = drawCharacter(random);
  const memoryMiB = MEMORIES_MIB[random.below(MEMORIES_MIB.length)];
  const aloneMs = {
    short: () => logUniform(random, 2, 200),
    long: () => logUniform(random, 300, 5_000),
    cpu: () => logUniform(random, 20, 500),
    memory: () => logUniform(random, 500, 8_000),
  }[character]();
  const peakMiB = character === "memory"
    ? (memoryMiB - CONTAINER_IDLE_MIB) * uniform(random, 0.6, 0.95)
    : uniform(random, 1, 8);
  const cores = VCPU_PER_GIB * memoryMiB / 1024;
  return {
    character,
    fn: {
      id: opaqueId(index),
      label: `${character}-${index + 1}`,
      memoryBytes: memoryMiB * MIB,
      timeoutMs: TIMEOUT_MS,
    },
    draw(random) {
      const ms = skewed(random, { min: 0.8 * aloneMs, mean: aloneMs, max: 3 * aloneMs });
      const peakBytes = Math.round(peakMiB * uniform(random, 0.9, 1) * MIB);
      return character === "cpu" ? { cpuMs: ms * cores, sleepMs: 0, peakBytes } : { cpuMs: 0, sleepMs: ms, peakBytes };
    },
  };
}

function drawCharacter(random: Random): Character {
  let at = random.below(100);
  for (const [character, share] of SHARES) {
    if (at < share) return character;
    at -= share;
  }
  return SHARES[0][0];
}
