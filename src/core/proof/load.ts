/**
 * Loads the sources of core as they stand, with `Atomics` and `Int32Array` taken from hooks.ts, loops marked, and with
 * an edit where a broken build is wanted. Nothing else about them changes.
 */
import { readFileSync } from "node:fs";
import type * as layoutModule from "../layout.ts";
import type { Tables } from "../tables.ts";
import type * as ticketsModule from "../tickets.ts";
import { watchCalls } from "./hooks.ts";

/** Changes a file's text; told the file's name, as in "nodes.ts". */
export type Edit = (name: string, text: string) => string;

export interface Core {
  readonly Tables: typeof Tables;
  readonly layoutOf: typeof layoutModule.layoutOf;
  readonly ticketOfCell: typeof ticketsModule.ticketOfCell;
}

const TINY = { nodes: 1, containers: 1, functions: 1, leases: 16, tickets: 1, ringDepth: 2, decisions: 1 };
const IMPORT = /\bfrom "(\.[^"]+)"/g;
const HOOKS = `import { Atomics, Int32Array, enterLoop, turn } from "${new URL("./hooks.ts", import.meta.url)}";`;

/** Loads core; an `edit` makes a broken build of it. */
export async function loadCore(edit: Edit = (_, text) => text): Promise<Core> {
  const urls = new Map<string, string>();
  const blobOf = (name: string): string => {
    const known = urls.get(name);
    if (known) return known;
    const path = new URL(`../${name}`, import.meta.url);
    const text = markLoops(edit(name, readFileSync(path, "utf8")))
      // Types are all that is imported from the files one knows only as arguments; they may stand in a circle.
      .replaceAll(/^import type [^;]+;$/gm, "")
      .replaceAll(IMPORT, (_, specifier: string) => {
        const own = /^\.\/([a-z_]+\.ts)$/.exec(specifier);
        return `from "${own ? blobOf(own[1]) : new URL(specifier, path)}"`;
      });
    const url = URL.createObjectURL(new Blob([HOOKS, text], { type: "application/typescript" }));
    urls.set(name, url);
    return url;
  };
  const [tables, layout, tickets] = await Promise.all(
    ["tables.ts", "layout.ts", "tickets.ts"].map((name) => import(blobOf(name))),
  );
  for (const url of urls.values()) URL.revokeObjectURL(url);
  for (const table of Object.values(new tables.Tables(TINY))) {
    const prototype = Object.getPrototypeOf(table);
    if (typeof table === "object" && prototype !== Object.prototype && !(table instanceof SharedArrayBuffer)) {
      watchCalls(prototype);
    }
  }
  return { Tables: tables.Tables, layoutOf: layout.layoutOf, ticketOfCell: tickets.ticketOfCell };
}

const LOOP = /\b(?:for \(;;\)|while \((.+)\)) \{$/gm;
const DECLARED = /\b(?:const|let) (?:\{([^}]*)\}|(\w+))/g;
const CHANGED = /(?<![\w.])(\w+(?:\.\w+)*) (?:[-+|&]?=) |(\w+(?:\.\w+)*)(?:\+\+|--)/g;

/**
 * Marks the head of every endless or `while` loop that changes nothing declared outside of it, on its thread: each
 * round of such a loop finds the thread as the first one did.
 */
export function markLoops(text: string): string {
  return text.replaceAll(LOOP, (head, condition: string | undefined, at: number) => {
    const body = bodyFrom(text, at + head.length);
    const own = new Set([...body.matchAll(DECLARED)].flatMap(([, many, one]) => one ?? many.split(/[\s,:]+/)));
    const changed = [...`${condition ?? ""} ${body}`.matchAll(CHANGED)].map(([, set, counted]) => set ?? counted);
    if (changed.some((name) => !own.has(name))) return head;
    return `for (const loop = enterLoop(); turn(loop)${condition ? ` && (${condition})` : ""};) {`;
  });
}

function bodyFrom(text: string, at: number): string {
  let depth = 1, end = at;
  for (; depth > 0; end++) depth += text[end] === "{" ? 1 : text[end] === "}" ? -1 : 0;
  return text.slice(at, end - 1);
}
