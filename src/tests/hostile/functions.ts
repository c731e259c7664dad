/** Functions that try what they must not. Each is a module's text; `neighbour` is the honest one beside them. */
export const hostile = {
  neighbour: `export function handler() { return "fine"; }`,

  readsFiles: `export async function handler(event) { return await Deno.readTextFile(event.path); }`,

  importsFiles: `export async function handler(event) {
    return JSON.stringify(await import(event.path, event.json ? { with: { type: "json" } } : {}));
  }`,

  readsEnvironment: `export function handler() { return JSON.stringify(Deno.env.toObject()); }`,

  connects: `export async function handler(event) {
    const connection = await Deno.connect({ hostname: event.hostname, port: event.port });
    connection.close();
    return "connected";
  }`,

  fetches: `export async function handler(event) { return await (await fetch(event.url)).text(); }`,

  spawns: `export async function handler() { return (await new Deno.Command("/usr/bin/id").output()).code; }`,

  startsWorker: `export function handler() {
    const code = "Deno.readTextFileSync('/etc/passwd'); postMessage('read')";
    return new Promise((resolve, reject) => {
      const worker = new Worker("data:text/javascript," + encodeURIComponent(code), { type: "module" });
      worker.onmessage = (message) => resolve(message.data);
      worker.onerror = (event) => { event.preventDefault(); reject(new Error(event.message)); };
    });
  }`,

  writesFiles:
    `export async function handler() { await Deno.writeTextFile("/tmp/mini-faas-hostile", "x"); return "written"; }`,

  callsNative:
    `export function handler() { return Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } }).symbols.getpid(); }`,

  allocates: `const kept = [];
  export function handler(event) {
    for (let i = 0; i < event.mib; i++) kept.push(new Uint8Array(1024 * 1024).fill(1));
    return kept.length;
  }`,

  growsHeap: `const kept = [];
  export function handler() { for (;;) kept.push(new Array(10_000).fill(kept.length + 0.5)); }`,

  spins: `export function handler() { for (;;); }`,

  prints: `export function handler() {
    const line = "x".repeat(1023);
    for (let i = 0; i < 100 * 1024; i++) console.log(line);
    return "printed";
  }`,

  exits: `export function handler() { Deno.exit(0); }`,

  throws: `export function handler() { throw new TypeError("the third wheel came off"); }`,

  throwsLate:
    `export function handler() { setTimeout(() => { throw new Error("too late"); }, 5); return new Promise(() => {}); }`,

  exportsNothing: `export const answer = 42;`,

  breaksAtStart: `throw new Error("not today");`,
} as const;
