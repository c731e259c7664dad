import type { Command } from "../command.ts";
import { ablate } from "./ablate.ts";
import { deploy } from "./deploy.ts";
import { list, rm, rollback, versions } from "./functions.ts";
import { evaluate } from "./evaluate.ts";
import { invoke } from "./invoke.ts";
import { logs } from "./logs.ts";
import { ps } from "./ps.ts";
import { serve } from "./serve.ts";
import { score } from "./score.ts";
import { sim } from "./sim.ts";
import { up } from "./up.ts";
import { why } from "./why.ts";

/** All commands in the order that help shows them. */
export const COMMANDS: readonly Command[] = [
  up,
  deploy,
  invoke,
  list,
  versions,
  rollback,
  rm,
  logs,
  ps,
  why,
  score,
  sim,
  evaluate,
  ablate,
  ...serve,
];
