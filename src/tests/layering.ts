/** Which room may import which, and that no file imports itself in a circle. `rules` is the table of ARCHITECTURE.md. */
import { dirname, join, relative } from "node:path";

interface Rule {
  /** Rooms of src/, or single files of them, that a room may import besides itself. */
  readonly may: readonly string[];
  /** Whether `Deno.*` may occur outside tests. */
  readonly deno?: boolean;
}

const RULES: Readonly<Record<string, Rule>> = {
  base: { may: [] },
  core: { may: ["base"] },
  policy: { may: ["base", "core"] },
  scheduler: { may: ["base", "core", "policy"] },
  simulator: {
    may: [
      ...["base", "core", "policy", "scheduler"],
      // The pool itself is simulated, not a model of it; and a node's processors are those of the simulated runtime.
      ...["resourcemanager/pool.ts", "resourcemanager/provider.ts", "nodeservice/runtimes/simulated/model.ts"],
    ],
  },
  resourcemanager: { may: ["base"] },
  nodeservice: { may: ["base"], deno: true },
  apiserver: { may: ["base", "scheduler/mod.ts", "scheduler/ports.ts"] },
  rpc: { may: ["base"], deno: true },
  cli: { may: ["*"], deno: true },
  tests: { may: ["*"], deno: true },
  benches: { may: ["*"], deno: true },
  examples: { may: [], deno: true },
};

/** Files that only compose: they may import `cli/`, as main.ts does. */
const DOOR = /^(main|[a-z]+\/edge)\.ts$/;
/** Files in which wire types may occur. */
const WIRE = /^(rpc|cli|tests|benches)\/|\/(service|client|[a-z_]*wire|edge)\.ts$|_test\.ts$|\/testing\.ts$/;
const TEST = /(_test|_bench|testing|contract)\.ts$/;

const IMPORT = /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;

export interface SourceFile {
  /** Path below src/, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** All TypeScript files below `root`. */
export function readSources(root: string): SourceFile[] {
  const files: SourceFile[] = [];
  const walk = (folder: string) => {
    for (const entry of Deno.readDirSync(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory) walk(path);
      else if (entry.name.endsWith(".ts")) {
        files.push({ path: relative(root, path).replaceAll("\\", "/"), text: Deno.readTextFileSync(path) });
      }
    }
  };
  walk(root);
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Every broken rule, a line each. */
export function checkLayering(files: readonly SourceFile[]): string[] {
  const faults: string[] = [];
  const graph = new Map<string, string[]>();
  for (const file of files) {
    const imports = importsOf(file);
    graph.set(file.path, imports.filter((to) => !to.startsWith("../")));
    for (const to of imports) {
      const fault = faultOf(file.path, to);
      if (fault) faults.push(`${file.path} imports ${to}: ${fault}`);
    }
    const room = roomOf(file.path);
    if (!TEST.test(file.path) && !RULES[room]?.deno && !DOOR.test(file.path) && usesDeno(file.text)) {
      faults.push(`${file.path} uses Deno.*: ${room}/ must run on Node.js too`);
    }
  }
  return [...faults, ...circlesIn(graph)];
}

function importsOf({ path, text }: SourceFile): string[] {
  const imports: string[] = [];
  for (const match of withoutComments(text).matchAll(IMPORT)) {
    const specifier = match[1] ?? match[2] ?? match[3];
    if (specifier.startsWith(".")) imports.push(join(dirname(path), specifier).replaceAll("\\", "/"));
  }
  return imports;
}

function faultOf(from: string, to: string): string | undefined {
  if (to.startsWith("../gen/")) return WIRE.test(from) ? undefined : "wire types stay at the door";
  if (to.startsWith("../")) return undefined;
  const room = roomOf(from), target = roomOf(to);
  if (room === target || DOOR.test(from)) return undefined;
  const rule = RULES[room];
  if (!rule) return `there is no rule for ${room}/`;
  if (rule.may.includes("*") || rule.may.includes(target) || rule.may.includes(to)) return undefined;
  if (TEST.test(from) && target === "rpc") return undefined;
  return `${room}/ may import ${rule.may.join(", ") || "nothing"}`;
}

function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string) => {
    const start = path.indexOf(file);
    if (start >= 0) circles.push(`files import one another in a circle: ${[...path.slice(start), file].join(" → ")}`);
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return circles;
}

function roomOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : path;
}

function usesDeno(text: string): boolean {
  return /\bDeno\./.test(withoutComments(text).replaceAll(/`[^`]*`|"[^"\n]*"/g, ""));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
}
