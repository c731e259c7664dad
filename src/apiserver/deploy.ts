import {
  accountOf,
  checkFunctionSpec,
  FUNCTION_MEMORY_BYTES_DEFAULT,
  FUNCTION_TIMEOUT_MS_DEFAULT,
} from "../base/mod.ts";
import { checkAllowNet } from "./allow_net.ts";
import type { BundleChecker } from "./bundle.ts";
import type { FunctionRecord } from "./records.ts";
import type { Deployment, Registry } from "./registry.ts";

const CONCURRENCY_DEFAULT = 1;

export interface DeployParts {
  readonly registry: Pick<Registry, "deploy">;
  readonly bundles: Pick<BundleChecker, "check">;
  /** Whether a token protects the platform's ports. */
  readonly hasToken: boolean;
}

/**
 * Checks a deployment and stores it. An empty account and settings of 0 mean the defaults. Errors: `invalid_argument`
 * naming the field; `failed_precondition` for hosts that the code may not reach on a platform without a token.
 */
export async function deploy(
  parts: DeployParts,
  request: Deployment,
): Promise<{ function: FunctionRecord; changed: boolean }> {
  const deployment = {
    ...request,
    accountId: accountOf(request.accountId),
    memoryBytes: request.memoryBytes || FUNCTION_MEMORY_BYTES_DEFAULT,
    timeoutMs: request.timeoutMs || FUNCTION_TIMEOUT_MS_DEFAULT,
    concurrency: request.concurrency || CONCURRENCY_DEFAULT,
  };
  checkFunctionSpec({ ...deployment, codeHash: "", version: 0 });
  checkAllowNet(deployment.allowNet, parts.hasToken);
  await parts.bundles.check(deployment.code);
  return parts.registry.deploy(deployment);
}
