/** A comparison for programs: plain data, units in the names, the same for the same seeds. */
import type { ComparedFloor, ComparedFunction, ComparedPolicy, Comparison } from "./comparison.ts";

export interface ComparisonJson {
  readonly workload: Comparison["workload"];
  readonly calls: number;
  readonly seeds: readonly number[];
  readonly weights: Comparison["weights"];
  readonly floor: ComparedFloor;
  readonly policies: readonly (ComparedPolicy & { readonly functions?: readonly FunctionJson[] })[];
}

type FunctionJson = ComparedFunction["policies"][number] & {
  readonly label: string;
  readonly calls: number;
  readonly floorRatio: number | undefined;
};

/** The comparison as JSON; every function under every policy only where `withFunctions`. */
export function comparisonJson(comparison: Comparison, withFunctions: boolean): ComparisonJson {
  const { functions, policies, ...rest } = comparison;
  return {
    ...rest,
    policies: policies.map((policy, at) => {
      if (!withFunctions) return policy;
      const own = functions.map(({ label, calls, floorRatio, policies }) => ({
        ...{ label, calls, floorRatio },
        ...policies[at],
      }));
      return { ...policy, functions: own };
    }),
  };
}
