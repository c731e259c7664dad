/** Everything a command touches outside of itself, so that tests can stand in for a terminal. */
export interface Io {
  /** Writes to stdout at once. Throws {@linkcode OutputClosed} where nobody reads it any more. */
  out(data: string | Uint8Array): void;
  /** Writes to stderr at once. */
  err(text: string): void;
  /** All of stdin, at most `bytesMax`; undefined where there is more. */
  readStdin(bytesMax: number): Promise<Uint8Array | undefined>;
  /** Resolves when stdin is closed, whatever comes before. */
  stdinClosed(): Promise<void>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether a person looks at stderr: progress is shown only then. */
  readonly errIsTerminal: boolean;
}

/** Whoever read our output has left (`| head`): no mistake, there is just nothing more to do. */
export class OutputClosed extends Error {
  override name = "OutputClosed";
}

/** The process's own streams, environment and folder. */
export function systemIo(): Io {
  const encoder = new TextEncoder();
  return {
    out(data) {
      const bytes = typeof data === "string" ? encoder.encode(data) : data;
      try {
        for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
      } catch (error) {
        if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
        throw error;
      }
    },
    err(text) {
      const bytes = encoder.encode(text);
      try {
        for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
      } catch (error) {
        // With nobody to tell there is nobody to tell it.
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
    },
    async readStdin(bytesMax) {
      return await readAll(Deno.stdin.readable, bytesMax);
    },
    async stdinClosed() {
      for await (const _ of Deno.stdin.readable);
    },
    env: Deno.env.toObject(),
    // A task runs in the project's folder; files are meant from where it was typed.
    cwd: Deno.env.has("MINIFAAS_PROGRAM") ? Deno.env.get("INIT_CWD") ?? Deno.cwd() : Deno.cwd(),
    errIsTerminal: Deno.stderr.isTerminal(),
  };
}

/** All of a stream, or undefined where it holds more than `bytesMax`. */
export async function readAll(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > bytesMax) return undefined;
    chunks.push(chunk);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
