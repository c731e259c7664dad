/** The folder of one node agent's containers, and what a killed agent left in it. */
import { basename, join } from "node:path";
import { PlatformError } from "../../../base/mod.ts";
import { isGroupName, removeGroupTree } from "./orphan_groups.ts";
import { isAlive, kill, type ProcessName, processName, waitForExit } from "./process_name.ts";

const OWNER_FILE = "owner.json";
const PROCESS_FILE = "process.json";
const CONTAINER_FOLDER = /^c\d+$/;

interface Owner extends ProcessName {
  readonly cgroupFolders: readonly string[];
  /** Where the containers' folders are, unless here. */
  readonly containersFolder: string;
}

/** What {@linkcode cleanRunFolder} found and removed. */
export interface CleanReport {
  readonly processesKilled: number;
  readonly containersRemoved: number;
}

/** Writes down that this process owns `folder`, which must have been cleaned. */
export function claimRunFolder(folder: string, containersFolder: string, cgroupFolders: readonly string[]): void {
  const owner: Owner = { ...processName(Deno.pid), containersFolder, cgroupFolders };
  Deno.writeTextFileSync(join(folder, OWNER_FILE), JSON.stringify(owner));
}

/** Writes down which process runs in a container's folder. */
export function noteProcess(containerFolder: string, pid: number): void {
  Deno.writeTextFileSync(join(containerFolder, PROCESS_FILE), JSON.stringify(processName(pid)));
}

/**
 * Kills the containers of a node agent that is no more and removes its control groups and folders. `folder` itself
 * stays. Throws `failed_precondition` where the agent that owns it is alive. Only processes are killed that this
 * agent wrote down or put into its own control groups.
 */
export async function cleanRunFolder(folder: string): Promise<CleanReport> {
  const owner = readJson(join(folder, OWNER_FILE)) as Partial<Owner> | undefined;
  if (owner && isAlive(owner)) {
    throw new PlatformError(
      "failed_precondition",
      `Folder ${folder} is in use by the node agent with process id ${owner.pid}: stop it or take another folder`,
    );
  }
  const containersFolder = typeof owner?.containersFolder === "string" ? owner.containersFolder : folder;
  const containers = [...new Set([folder, containersFolder])].flatMap(containerFolders);
  const killed: number[] = [];
  for (const container of containers) {
    const process = readJson(join(container, PROCESS_FILE)) as Partial<ProcessName> | undefined;
    if (process && isAlive(process) && kill(process.pid!)) killed.push(process.pid!);
  }
  await Promise.all(killed.map(waitForExit));
  const groups = (owner?.cgroupFolders ?? []).filter((path) => isGroupName(basename(path)));
  for (const group of groups) killed.push(...await removeGroupTree(group));
  for (const container of containers) Deno.removeSync(container, { recursive: true });
  if (containersFolder !== folder) removeIfThere(containersFolder);
  removeIfThere(join(folder, OWNER_FILE));
  return { processesKilled: new Set(killed).size, containersRemoved: containers.length };
}

function containerFolders(folder: string): string[] {
  return subfolders(folder).filter((path) => CONTAINER_FOLDER.test(basename(path)));
}

function subfolders(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter((entry) => entry.isDirectory).map((entry) => join(folder, entry.name));
  } catch {
    return [];
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return undefined;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
