/** What the tests of this room share. */
import { type FunctionSpec, type InvocationReply, MIB } from "../base/mod.ts";

/** No wait of a test is longer than this. */
export const WAIT_MS = 20_000;

export function testFunction(changes: Partial<FunctionSpec> = {}): FunctionSpec {
  return {
    accountId: "test",
    functionName: "f",
    handler: "",
    memoryBytes: 128 * MIB,
    timeoutMs: 10_000,
    codeHash: "",
    version: 1,
    concurrency: 10,
    allowNet: [],
    ...changes,
  };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** All of an answer. */
export async function readReply(reply: InvocationReply) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of reply.body) chunks.push(chunk.slice());
  const body = await new Blob(chunks as BlobPart[]).text();
  return { ...reply.head, body, ...await reply.footer };
}

/** Rejects when `promise` takes longer than a test may wait. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${WAIT_MS} ms`)), WAIT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `holds`, looking every few milliseconds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const endMs = performance.now() + WAIT_MS; !await holds();) {
    if (performance.now() > endMs) throw new Error(`${what} did not come to pass in ${WAIT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
