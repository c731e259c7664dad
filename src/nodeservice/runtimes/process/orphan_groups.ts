/**
 * Names of control groups that say whose they are, so that what killed node agents left is found even where their
 * folders are gone.
 */
import { basename, dirname, join } from "node:path";
import { newId } from "../../../base/mod.ts";
import { removeGroup } from "./cgroup.ts";
import { kill, waitForExit } from "./process_name.ts";
import { processStartTicks } from "./procfs.ts";

/** Process namespace, process id and start time of the owner, and something that makes it unique. */
const GROUP_NAME = /^mini-faas-(\d+)-(\d+)-(\d+)-[0-9a-f]{8}$/;

/** A new name for a control group of this process. */
export function newGroupName(): string {
  return `mini-faas-${processNamespace()}-${Deno.pid}-${processStartTicks(Deno.pid) ?? 0}-${newId().slice(0, 8)}`;
}

/** Whether `name` is one that {@linkcode newGroupName} gives; no other group is ever touched. */
export function isGroupName(name: string): boolean {
  return GROUP_NAME.test(name);
}

/** Removes the groups beside `group` whose owners, of this process namespace, run no more; the answer is their names. */
export async function removeOrphans(group: string): Promise<string[]> {
  const folder = dirname(group);
  const orphans = subfolders(folder).filter((path) => isOrphan(basename(path)));
  // Another node agent may be at it at the same time: what is still there is for the next one to try.
  for (const orphan of orphans) await removeGroupTree(orphan).catch(() => []);
  return orphans.map((path) => basename(path));
}

/** Removes a group with the groups in it, after killing what runs there; the answer is who was killed. */
export async function removeGroupTree(group: string): Promise<number[]> {
  const children = subfolders(group);
  const killed = children.flatMap(readPids).filter(kill);
  await Promise.all(killed.map(waitForExit));
  for (const child of children) await removeGroup(child);
  await removeGroup(group);
  return killed;
}

function isOrphan(name: string): boolean {
  const [, namespace, pid, startTicks] = GROUP_NAME.exec(name) ?? [];
  // Who lives in another namespace cannot be seen from here.
  if (namespace === undefined || namespace === "0" || namespace !== processNamespace()) return false;
  return processStartTicks(Number(pid)) !== Number(startTicks);
}

function processNamespace(): string {
  try {
    return /\d+/.exec(Deno.readLinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  } catch {
    return "0";
  }
}

function readPids(group: string): number[] {
  try {
    return Deno.readTextFileSync(join(group, "cgroup.procs")).split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function subfolders(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter((entry) => entry.isDirectory).map((entry) => join(folder, entry.name));
  } catch {
    return [];
  }
}
