/** Generated workloads: a rhythm, and functions of every character; all of it drawn from a seed. */
import { assert, type Random, seededRandom } from "../../base/mod.ts";
import { drawProfile } from "./profiles.ts";
import { bursty, diurnal, flashCrowd, periodic, sparse } from "./rhythms.ts";
import { CallsBuilder, createWorkload, type Workload } from "./types.ts";

/** A number that a generator can be given. */
export interface Parameter {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly help: string;
}

export type Parameters = Readonly<Record<string, Parameter>>;

/** What it is given: every parameter by name. */
export type ParameterValues = Readonly<Record<string, number>>;

export interface Generator {
  readonly name: string;
  /** What comes of it, in one line. */
  readonly summary: string;
  readonly parameters: Parameters;
  /** Parameters that are missing have their defaults; the others must be within their bounds. */
  generate(seed: number, values?: ParameterValues): Workload;
}

const MINUTE_MS = 60_000;

const functions = (value: number): Parameter => ({ default: value, min: 1, max: 50_000, help: "how many functions" });
const minutes = (value: number): Parameter => ({ default: value, min: 1, max: 1_440, help: "how long it lasts" });
const seconds = (value: number, help: string): Parameter => ({ default: value, min: 0.01, max: 86_400, help });
const perSecond = (value: number, help: string): Parameter => ({ default: value, min: 0.001, max: 1_000, help });

/** When the calls of the next function come. */
type Rhythm = (random: Random, durationMs: number) => Iterable<number>;

/** A generator whose functions all follow the rhythm that `rhythmOf` chooses. */
function generator<P extends Parameters>(
  name: string,
  summary: string,
  parameters: P,
  rhythmOf: (values: Readonly<Record<keyof P, number>>, random: Random) => Rhythm,
): Generator {
  return {
    ...{ name, summary, parameters },
    generate(seed, given = {}) {
      const values = complete(name, parameters, given);
      const durationMs = values.minutes * MINUTE_MS;
      const random = seededRandom(seed);
      const rhythm = rhythmOf(values as Record<keyof P, number>, random);
      const calls = new CallsBuilder();
      const profiles = Array.from({ length: values.functions }, (_, index) => drawProfile(random, index));
      profiles.forEach((profile, functionIndex) => {
        for (const atMs of rhythm(random, durationMs)) {
          calls.add({ functionIndex, atMs: Math.round(atMs * 1000) / 1000, ...profile.draw(random) });
        }
      });
      return createWorkload({ name, durationMs, functions: profiles.map(({ fn }) => fn), calls: calls.build() });
    },
  };
}

function complete(name: string, parameters: Parameters, given: ParameterValues): Record<string, number> {
  for (const key of Object.keys(given)) assert(key in parameters, `${name} has no parameter ${key}`);
  const values: Record<string, number> = {};
  for (const [key, { default: value, min, max }] of Object.entries(parameters)) {
    values[key] = given[key] ?? value;
    assert(values[key] >= min && values[key] <= max, `${name}: ${key} is ${values[key]}, not from ${min} to ${max}`);
  }
  assert(Number.isInteger(values.functions), `${name}: functions is ${values.functions}`);
  return values;
}

/** All generators. */
export const GENERATORS: readonly Generator[] = [
  generator(
    "sparse",
    "every function now and then, at moments of chance",
    { functions: functions(40), minutes: minutes(30), interval: seconds(60, "mean seconds between two calls") },
    ({ interval }) => (random, durationMs) => sparse(random, durationMs, interval * 1_000),
  ),
  generator(
    "dense",
    "few functions that are called all the time",
    { functions: functions(12), minutes: minutes(10), rate: perSecond(4, "mean calls a second of a function") },
    ({ rate }) => (random, durationMs) => sparse(random, durationMs, 1_000 / rate),
  ),
  generator(
    "periodic",
    "rounds of calls, each function in its own rhythm",
    {
      functions: functions(20),
      minutes: minutes(20),
      period: seconds(5, "seconds between two rounds, a quarter to four times as much"),
      calls: { default: 5, min: 1, max: 100, help: "mean calls of a round" },
    },
    ({ period, calls }) => (random, durationMs) => periodic(random, durationMs, period * 1_000, Math.round(calls)),
  ),
  generator(
    "bursty",
    "long quiet times, then many calls at once",
    {
      functions: functions(20),
      minutes: minutes(20),
      quiet: seconds(60, "mean seconds without a call"),
      burst: seconds(5, "mean seconds of a burst"),
      rate: perSecond(5, "calls a second in a burst"),
    },
    ({ quiet, burst, rate }) => (random, durationMs) =>
      bursty(random, durationMs, { quietMs: quiet * 1_000, burstMs: burst * 1_000, intervalMs: 1_000 / rate }),
  ),
  generator(
    "diurnal",
    "a load that rises and falls with the day, nearly twenty-fold",
    {
      functions: functions(20),
      minutes: minutes(60),
      day: { default: 20, min: 1, max: 1_440, help: "minutes of a day" },
      rate: perSecond(0.5, "mean calls a second of a function"),
    },
    ({ day, rate }) => (random, durationMs) => diurnal(random, durationMs, day * MINUTE_MS, 1_000 / rate),
  ),
  generator(
    "flash-crowd",
    "a steady load, and once, for a third of the functions, very many calls",
    {
      functions: functions(20),
      minutes: minutes(15),
      rate: perSecond(0.5, "calls a second before"),
      factor: { default: 40, min: 1, max: 1_000, help: "how many times as many at the height of it" },
      half: seconds(20, "seconds after which half of the crowd has gone"),
    },
    ({ rate, factor, half }, random) => {
      const place = 0.3 + 0.4 * random.float();
      return (random, durationMs) => {
        const ownFactor = random.below(3) === 0 ? factor : 1;
        const options = { crowdAtMs: durationMs * place, halfMs: half * 1_000, factor: ownFactor };
        return flashCrowd(random, durationMs, { ...options, intervalMs: 1_000 / rate });
      };
    },
  ),
  generator(
    "rare",
    "very many functions, each called a few times an hour",
    { functions: functions(1_000), minutes: minutes(60), interval: seconds(1_200, "mean seconds between two calls") },
    ({ interval }) => (random, durationMs) => sparse(random, durationMs, interval * 1_000),
  ),
];
