/** Every service in a process of its own, for tests that stop, kill and start them one by one. */
import { assert, assertEquals } from "@std/assert";
import * as path from "node:path";
import { assertPromises } from "./promises.ts";
import { callJson, cli, follow, processesWith, serve, type Served, summaryOf, until } from "./program.ts";

/** With nothing under way; half of the time that what is under way gets. */
const STOP_MS_MAX = 5_000;

export type ServiceName = "apiserver" | "scheduler" | "resourcemanager";

export interface ServicesOptions {
  /** Node agents that run by themselves; none: the resource manager starts them. */
  readonly agents?: number;
  /** Further flags by service. */
  readonly flags?: Partial<Record<ServiceName | "node", readonly string[]>>;
  /** Which of them are not started; the test does so itself. */
  readonly later?: readonly ServiceName[];
  /** Files of a self-signed certificate and its key: every port speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** Starts them all, and ends with promises kept and nothing left: no process, no temporary file, no control group. */
export async function withServices(options: ServicesOptions, use: (services: Services) => Promise<void>) {
  const root = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
  const services = new Services(root, options);
  try {
    await services.begin();
    await use(services);
    await services.keepPromises();
    await services.end();
  } catch (error) {
    await services.kill();
    console.error(services.log());
    throw error;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** The services of one test. Each listens on the same port however often it is started. */
export class Services {
  readonly running = new Map<string, Served>();
  readonly cgroups = new Set<string>();
  private readonly ports = new Map<string, number>();
  private readonly ended: Served[] = [];
  private killed = 0;
  /** Leases of apiservers that were killed. */
  private orphans = 0;

  constructor(readonly root: string, private readonly options: ServicesOptions) {}

  get url(): string {
    return `${this.options.tls ? "https" : "http"}://${this.address("apiserver")}`;
  }

  address(name: string): string {
    const known = this.ports.get(name);
    if (known === undefined) this.ports.set(name, freePort());
    return `127.0.0.1:${this.ports.get(name)}`;
  }

  async begin(): Promise<void> {
    const { agents = 0, later = [] } = this.options;
    for (const name of ["resourcemanager", "scheduler", "apiserver"] as const) this.address(name);
    const first = Array.from({ length: agents }, (_, index) => this.startAgent(index));
    const names = (["resourcemanager", "scheduler", "apiserver"] as const).filter((name) => !later.includes(name));
    const settled = await Promise.allSettled([...first, ...names.map((name) => this.start(name))]);
    for (const one of settled) if (one.status === "rejected") throw one.reason;
  }

  /** Starts a service, on the port it had before. */
  async start(name: ServiceName): Promise<Served> {
    const { agents = 0, flags = {} } = this.options;
    const nodes = Array.from({ length: agents }, (_, index) => this.address(`node${index}`)).join(",");
    const own: Record<ServiceName, string[]> = {
      apiserver: [`--data=${this.root}/data`, `--scheduler=${this.address("scheduler")}`],
      scheduler: [`--resourcemanager=${this.address("resourcemanager")}`],
      resourcemanager: [
        `--data=${this.root}/data`,
        `--apiserver=${this.address("apiserver")}`,
        ...(agents > 0 ? [`--nodes=${nodes}`] : ["--node-port=0"]),
      ],
    };
    return await this.run(name, [name, ...own[name], ...flags[name] ?? []]);
  }

  async startAgent(index: number): Promise<Served> {
    const flags = [`--data=${this.root}/agent${index}`, `--apiserver=${this.address("apiserver")}`];
    return await this.run(`node${index}`, ["node", ...flags, ...this.options.flags?.node ?? []], true);
  }

  /** Ends one; `SIGKILL` as a crash does. */
  async stop(name: string, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<number> {
    await this.noteCgroups();
    const served = this.running.get(name)!;
    this.running.delete(name);
    if (signal === "SIGKILL") {
      this.killed++;
      // Without a scheduler there are none.
      if (name === "apiserver") this.orphans += (await this.summary().catch(() => undefined))?.leases ?? 0;
    }
    this.ended.push(served);
    return await served.stop(signal);
  }

  /** Waits until what is asked of a platform with nothing to do holds; where the scheduler runs, which knows. */
  async keepPromises(): Promise<void> {
    if (!this.running.has("scheduler")) return;
    const { tls } = this.options;
    const scheduler = `${tls ? "https" : "http"}://${this.address("scheduler")}`;
    await assertPromises({ scheduler, orphans: this.orphans, ca: tls && await Deno.readTextFile(tls.cert) });
  }

  /** Stops all that runs, by SIGTERM, and looks for what is left. */
  async end(): Promise<void> {
    await this.noteCgroups();
    for (const name of ["apiserver", "scheduler", "resourcemanager", ...this.running.keys()]) {
      if (!this.running.has(name)) continue;
      const begun = performance.now();
      assertEquals(await this.stop(name), 0, `exit code of ${name}`);
      assert(performance.now() - begun < STOP_MS_MAX, `${name}, with nothing under way, took long to stop`);
    }
    assertEquals(await this.leftovers(), []);
  }

  /** Processes, temporary files and control groups that still are there. */
  async leftovers(): Promise<string[]> {
    const left = (await processesWith(this.root)).map((pid) => `process ${pid}`);
    // A killed process leaves the folder of its socket to whoever starts some time after it.
    let forgiven = this.killed;
    for await (const { name } of Deno.readDir(this.temporary)) {
      if (!name.startsWith("mini-faas-http1-") || --forgiven < 0) left.push(name);
    }
    for (const group of this.cgroups) if (await exists(group)) left.push(group);
    return left;
  }

  async kill(): Promise<void> {
    for (const name of [...this.running.keys()]) await this.stop(name, "SIGKILL").catch(() => {});
    for (const pid of await processesWith(this.root)) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await until("their end", () => processesWith(this.root), (pids) => pids.length === 0);
  }

  log(): string {
    return [...this.ended, ...this.running.values()].map((served) => served.log()).join("----\n");
  }

  async deploy(example: string, ...flags: string[]): Promise<void> {
    const { code, err } = await this.cli("deploy", `src/examples/${example}`, ...flags);
    assertEquals(code, 0, err);
  }

  /** Deploys a module as it is. */
  async deployCode(functionName: string, code: string): Promise<void> {
    const request = { functionName, code: btoa(code) };
    const reply = await callJson(this.url, "minifaas.admin.v1.FunctionService/DeployFunction", request);
    assertEquals(reply.code, undefined, reply.message);
  }

  /** Runs a function by event. */
  async invoke(functionName: string, event: unknown): Promise<void> {
    const request = { functionName, event: btoa(JSON.stringify(event)) };
    const reply = await callJson(this.url, "apiserverproto.APIServer/InvokeFunction", request);
    assertEquals(reply.code, undefined, reply.message);
  }

  follow(...args: string[]): ReturnType<typeof follow> {
    return follow(...args, `--server=${this.address("apiserver")}`);
  }

  async cli(...args: string[]) {
    const { tls } = this.options;
    const trust = tls ? [`--tls-ca=${tls.cert}`] : [];
    return await cli(...args, `--server=${this.address("apiserver")}`, ...trust);
  }

  async ps() {
    const { code, out, err } = await this.cli("ps", "--json");
    assertEquals(code, 0, err);
    return JSON.parse(out);
  }

  /** Waits until the scheduler counts what is asked for; what it leaves out is 0. */
  async counts(wanted: Record<string, number>): Promise<void> {
    await until(JSON.stringify(wanted), () => this.summary(), (summary) => {
      return Object.entries(wanted).every(([name, count]) => (summary[name] ?? 0) === count);
    });
  }

  private summary(): Promise<Record<string, number>> {
    return summaryOf(`http://${this.address("scheduler")}`);
  }

  /** Kills the one process whose command line goes on like this below the test's folder. */
  async killProcessWith(text: string): Promise<void> {
    await this.noteCgroups();
    const pids = await processesWith(`${this.root}/${text}`);
    assertEquals(pids.length, 1, text);
    Deno.kill(pids[0], "SIGKILL");
    this.killed++;
  }

  /** Processes of containers: only those have a harness. */
  async containerProcesses(): Promise<number[]> {
    const all = await processesWith(`${this.temporary}/`);
    const harnesses = new Set(await processesWith("harness.mjs"));
    return all.filter((pid) => harnesses.has(pid));
  }

  /** Where the services put temporary files. */
  get temporary(): string {
    return path.join(this.root, "t");
  }

  private async run(name: string, args: string[], all = false): Promise<Served> {
    await Deno.mkdir(this.temporary, { recursive: true });
    const port = this.address(name).split(":")[1];
    const { tls } = this.options;
    const secure = tls ? [`--tls-cert=${tls.cert}`, `--tls-key=${tls.key}`] : [];
    const served = await serve(["serve", ...args, `--port=${port}`, ...secure], {
      all,
      env: { TMPDIR: this.temporary },
    });
    this.running.set(name, served);
    return served;
  }

  /** An agent tells its control groups in the folder of its containers. */
  private async noteCgroups(): Promise<void> {
    for await (const { name } of Deno.readDir(this.temporary)) {
      const owner = path.join(this.temporary, name, "owner.json");
      if (!await exists(owner)) continue;
      for (const group of JSON.parse(await Deno.readTextFile(owner)).cgroupFolders) this.cgroups.add(group);
    }
  }
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function exists(name: string): Promise<boolean> {
  return await Deno.stat(name).then(() => true, () => false);
}
