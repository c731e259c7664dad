/** What the tests of this room share: a terminal that remembers, and folders that go away. */
import { type Io, OutputClosed } from "./io.ts";

export interface FakeIo extends Io {
  readonly stdout: string;
  readonly stderr: string;
}

/** An Io over text: what is written can be read back. */
export function fakeIo(options: {
  env?: Record<string, string>;
  cwd?: string;
  stdin?: string;
  errIsTerminal?: boolean;
  /** Nobody reads stdout any more after so many writes. */
  outClosedAfter?: number;
} = {}): FakeIo {
  const out: string[] = [];
  let err = "";
  return {
    out(data) {
      if (out.length >= (options.outClosedAfter ?? Infinity)) throw new OutputClosed();
      out.push(typeof data === "string" ? data : new TextDecoder().decode(data));
    },
    err: (text) => void (err += text),
    readStdin(bytesMax) {
      const bytes = new TextEncoder().encode(options.stdin ?? "");
      return Promise.resolve(bytes.length > bytesMax ? undefined : bytes);
    },
    stdinClosed: () => Promise.resolve(),
    env: options.env ?? {},
    cwd: options.cwd ?? "/nowhere",
    errIsTerminal: options.errIsTerminal ?? false,
    get stdout() {
      return out.join("");
    },
    get stderr() {
      return err;
    },
  };
}

/** A folder with these files in it, for as long as `use` runs. */
export async function withFolder(files: Record<string, string>, use: (folder: string) => unknown): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mini-faas-cli-" });
  try {
    for (const [name, content] of Object.entries(files)) {
      const full = `${folder}/${name}`;
      await Deno.mkdir(full.slice(0, full.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(full, content);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
