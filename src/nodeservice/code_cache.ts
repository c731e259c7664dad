import { join } from "node:path";
import { CODE_BYTES_MAX, type FunctionSpec, messageOf, MIB, newId, PlatformError } from "../base/mod.ts";

/** Where a node agent gets the code of functions from. */
export interface CodeSource {
  /** The bundle that `spec` names and its SHA-256 in hex. Errors: `not_found`, `unavailable`. */
  get(spec: FunctionSpec): Promise<{ code: Uint8Array; hash: string }>;
}

const CACHE_BYTES_MAX = 512 * MIB;
const HASH_FILE = /^[0-9a-f]{64}$/;

/**
 * Bundles on disk, one file per hash, at most `bytesMax` in all: the least lately used go first. What is read is
 * verified; what is spoilt is fetched again. Several that want one bundle at the same time cause one fetch.
 */
export class CodeCache implements CodeSource {
  readonly #folder: string;
  readonly #source: CodeSource;
  readonly #bytesMax: number;
  /** Size of each file, the least lately used first. */
  readonly #sizes = new Map<string, number>();
  readonly #fetching = new Map<string, Promise<{ code: Uint8Array; hash: string }>>();
  #bytes = 0;

  /** Uses `folder`, which is made where missing, and what is in it already. */
  constructor(options: { folder: string; source: CodeSource; bytesMax?: number }) {
    this.#folder = options.folder;
    this.#source = options.source;
    this.#bytesMax = options.bytesMax ?? CACHE_BYTES_MAX;
    Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    for (const { name } of [...Deno.readDirSync(this.#folder)]) {
      if (HASH_FILE.test(name)) this.#note(name, Deno.statSync(join(this.#folder, name)).size);
      else Deno.removeSync(join(this.#folder, name), { recursive: true });
    }
    this.#shrink();
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  async get(spec: FunctionSpec): Promise<{ code: Uint8Array; hash: string }> {
    const hash = spec.codeHash;
    // Which code a function without a hash has, only the source knows.
    if (hash === "") return await this.#fetch(spec);
    const cached = await this.#read(hash);
    if (cached) return { code: cached, hash };
    let fetching = this.#fetching.get(hash);
    if (!fetching) {
      fetching = this.#fetch(spec).finally(() => this.#fetching.delete(hash));
      this.#fetching.set(hash, fetching);
    }
    return await fetching;
  }

  async #fetch(spec: FunctionSpec): Promise<{ code: Uint8Array; hash: string }> {
    const { code, hash } = await this.#source.get(spec);
    if (code.length > CODE_BYTES_MAX) {
      const message =
        `Code of function "${spec.functionName}" has ${code.length} bytes, at most ${CODE_BYTES_MAX} are allowed`;
      throw new PlatformError("failed_precondition", message, { failure: "import" });
    }
    const actual = await sha256(code);
    if (actual !== hash || (spec.codeHash !== "" && spec.codeHash !== hash)) {
      const message = `Code of function "${spec.functionName}" has the hash ${actual}, wanted is ${
        spec.codeHash || hash
      }`;
      throw new PlatformError("data_loss", message);
    }
    await this.#write(hash, code);
    return { code, hash };
  }

  async #read(hash: string): Promise<Uint8Array | undefined> {
    if (!this.#sizes.has(hash)) return undefined;
    try {
      const code = await Deno.readFile(join(this.#folder, hash));
      if (await sha256(code) === hash) {
        this.#note(hash, code.length);
        return code;
      }
    } catch {
      // Gone or not readable: as good as never there.
    }
    this.#drop(hash);
    return undefined;
  }

  async #write(hash: string, code: Uint8Array): Promise<void> {
    if (this.#sizes.has(hash) || code.length > this.#bytesMax) return;
    const temporary = join(this.#folder, `new-${newId()}`);
    try {
      await Deno.writeFile(temporary, code, { createNew: true, mode: 0o600 });
      await Deno.rename(temporary, join(this.#folder, hash));
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw new PlatformError("unavailable", `The code cache cannot be written: ${messageOf(error)}`, { cause: error });
    }
    this.#note(hash, code.length);
    this.#shrink();
  }

  #note(hash: string, bytes: number): void {
    this.#bytes += bytes - (this.#sizes.get(hash) ?? 0);
    this.#sizes.delete(hash);
    this.#sizes.set(hash, bytes);
  }

  #shrink(): void {
    for (const hash of this.#sizes.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#drop(hash);
    }
  }

  #drop(hash: string): void {
    this.#bytes -= this.#sizes.get(hash) ?? 0;
    this.#sizes.delete(hash);
    try {
      Deno.removeSync(join(this.#folder, hash));
    } catch {
      // Gone already.
    }
  }
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
