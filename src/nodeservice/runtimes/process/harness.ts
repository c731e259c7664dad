/**
 * The main module of every container: it listens on the container's unix socket, gives up the permissions that this
 * took, loads the function's code when it is told to, and runs invocations. It imports nothing: the node agent strips
 * its types once and starts it as plain JavaScript. It shares its realm with the function's code, so the agent trusts
 * nothing it says.
 *
 * Spoken over HTTP/1.1: `POST /load` (JSON both ways), `GET /running` (keys of what runs now), `POST /leave` (a key), `POST /invoke` with
 * the call in the header `minifaas-call` and the event or request body as body. The answer's body is a row of frames,
 * `type: u8, length: u32, payload`: one head (JSON), any number of data, one end or one exception (JSON).
 */

// Kept aside before the function's code can replace them.
const { Response, Request, ReadableStream, AbortController, Uint8Array, DataView, JSON, Map, TextEncoder } = globalThis;

const HEAD = 0, DATA = 1, END = 2, EXCEPTION = 3;
const FRAME_HEADER_BYTES = 5;
/** What is known in full and not longer than this goes out in one piece. */
const JOINED_BYTES_MAX = 64 * 1024;
const MESSAGE_LENGTH_MAX = 2_000;

interface Load {
  readonly bundleUrl: string;
  readonly handler: string;
  readonly functionName: string;
  readonly version: number;
  readonly memoryBytes: number;
  readonly eventBytesMax: number;
}

interface Call {
  readonly key: number;
  readonly requestId: string;
  readonly deadlineMs: number;
  readonly kind: "event" | "fetch";
  readonly method: string;
  readonly url: string;
  readonly headers: [string, string][];
  readonly hasBody: boolean;
}

interface Context {
  readonly requestId: string;
  readonly functionName: string;
  readonly version: number;
  readonly memoryBytes: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly rawEvent: Uint8Array;
}

type Target =
  | { readonly kind: "event"; readonly run: (event: unknown, context: Context) => unknown }
  | { readonly kind: "fetch"; readonly run: (request: Request, context: Context) => unknown };

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const stderr = Deno.stderr;
const running = new Map<number, AbortController>();
let load: Load | undefined;
let target: Target | undefined;

const socketPath = Deno.args[0];
Deno.serve({ path: socketPath, onListen: () => {}, onError: (error) => answer([exceptionFrame(error)]) }, route);
for (
  const permission of [
    { name: "net", host: `unix:${socketPath}` },
    { name: "write", path: socketPath },
    { name: "read", path: socketPath },
  ] as Deno.PermissionDescriptor[]
) Deno.permissions.revokeSync(permission);

globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  report("Unhandled rejection", event.reason);
});
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  report("Uncaught error", event.error);
});
exitWithAgent();
// One byte tells the agent that the socket is there.
Deno.stdout.writeSync(new Uint8Array(1));

/** The agent holds the other end of stdin: its end is the agent's end. */
async function exitWithAgent(): Promise<void> {
  const exit = Deno.exit;
  const buffer = new Uint8Array(64);
  try {
    while (await Deno.stdin.read(buffer) !== null);
  } catch {
    // The function has closed it: then the next agent cleans up.
    return;
  }
  exit(0);
}

async function route(request: Request): Promise<Response> {
  const path = request.url.slice(request.url.lastIndexOf("/"));
  if (path === "/invoke") return await invoke(request, JSON.parse(request.headers.get("minifaas-call")!));
  if (path === "/leave") return Response.json(leave(await request.json()));
  if (path === "/running") return Response.json([...running.keys()]);
  if (path === "/load" && !load) return Response.json(await loadCode(load = await request.json()));
  return new Response(null, { status: 404 });
}

async function loadCode(order: Load): Promise<{ kind: string } | { error: string }> {
  let exports: Record<string, unknown>;
  try {
    exports = await import(order.bundleUrl);
  } catch (error) {
    return { error: describe(error) };
  }
  target = findTarget(exports, order.handler);
  if (target) return { kind: target.kind };
  const found = Object.keys(exports).slice(0, 20).join(", ") || "none";
  const wanted = order.handler === ""
    ? "a function `handler` or a default export with `fetch`"
    : `a function \`${order.handler}\``;
  return { error: `it must export ${wanted}; found exports: ${found}` };
}

function findTarget(exports: Record<string, unknown>, handler: string): Target | undefined {
  if (handler === "" && typeof exports.handler === "function") return asEvent(exports.handler);
  if (handler === "" || handler === "fetch" || handler === "default") {
    return asFetch(exports.default) ?? (handler === "fetch" ? asFetch(exports.fetch) : undefined);
  }
  const named = exports[handler];
  return typeof named === "function" ? asEvent(named) : asFetch(named);
}

// deno-lint-ignore ban-types
const asEvent = (run: Function): Target => ({ kind: "event", run: (event, context) => run(event, context) });

function asFetch(value: unknown): Target | undefined {
  if (typeof value === "function") return { kind: "fetch", run: (request, context) => value(request, context) };
  const object = value as { fetch?: unknown } | null | undefined;
  if (typeof object !== "object" || typeof object?.fetch !== "function") return undefined;
  const fetcher = object as { fetch(request: Request, context: Context): unknown };
  return { kind: "fetch", run: (request, context) => fetcher.fetch(request, context) };
}

/** Nobody waits for the answer to this call any more. Whether it ran. */
function leave(key: number): boolean {
  const controller = running.get(key);
  controller?.abort(new DOMException("The caller left", "AbortError"));
  return controller !== undefined;
}

async function invoke(request: Request, call: Call): Promise<Response> {
  const controller = new AbortController();
  running.set(call.key, controller);
  const done = () => running.delete(call.key);
  request.signal.addEventListener("abort", () => leave(call.key), { once: true });
  const body = new RequestBody(call.hasBody ? request.body : null);
  let response: Response;
  try {
    response = await toAnswer(await run(body, call, controller.signal), call, controller, done);
  } catch (error) {
    done();
    report("Uncaught", error, call.requestId);
    response = answer([exceptionFrame(error)]);
  }
  return body.ended ? response : new Response(afterwards(response.body!, () => body.drain()));
}

async function run(body: RequestBody, call: Call, signal: AbortSignal): Promise<unknown> {
  const { functionName, version, memoryBytes } = load!;
  const { requestId, deadlineMs } = call;
  const context = { requestId, functionName, version, memoryBytes, deadlineMs, signal };
  if (target!.kind === "event") {
    const rawEvent = await body.readAll(load!.eventBytesMax);
    if (rawEvent === undefined) {
      const message = `event is over ${load!.eventBytesMax} bytes long, must be at most that`;
      return Response.json({ code: "invalid_argument", message, requestId }, { status: 413 });
    }
    return await target!.run(eventOf(rawEvent), { ...context, rawEvent });
  }
  const rawEvent = new Uint8Array(0);
  const stream = call.hasBody ? body.stream() : undefined;
  const init: RequestInit = { method: call.method, headers: call.headers, body: stream, signal };
  const result = await target!.run(new Request(call.url, init), { ...context, rawEvent });
  if (result instanceof Response) return result;
  throw new TypeError(`fetch must answer with a Response, not ${result === null ? "null" : typeof result}`);
}

/** The body of a request, whoever reads it. */
class RequestBody {
  ended: boolean;
  readonly #reader?: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

  constructor(body: ReadableStream<Uint8Array<ArrayBuffer>> | null) {
    this.#reader = body?.getReader();
    this.ended = body === null;
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (sink) => {
        const chunk = await this.#next();
        if (chunk) sink.enqueue(chunk);
        else sink.close();
      },
    }, { highWaterMark: 0 });
  }

  /** Undefined where it is longer: only a URL's caller can send so much, whose event comes as it is sent. */
  async readAll(bytesMax: number): Promise<Uint8Array | undefined> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (let chunk = await this.#next(); chunk; chunk = await this.#next()) {
      length += chunk.length;
      if (length > bytesMax) return undefined;
      chunks.push(chunk);
    }
    return chunks.length === 1 ? chunks[0] : join(chunks, length);
  }

  /** Throws away what the function left unread: closing the connection on it could cut off the answer. */
  async drain(): Promise<void> {
    try {
      while (await this.#next());
    } catch {
      // The agent has its answer and is gone.
    }
  }

  async #next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const next = await this.#reader?.read();
    this.ended ||= !next || next.done;
    return next?.value;
  }
}

/** The same stream, whose end waits for `task`. */
function afterwards(source: ReadableStream<Uint8Array>, task: () => Promise<void>): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream({
    async pull(sink) {
      const { done, value } = await reader.read();
      if (!done) return sink.enqueue(value);
      await task();
      sink.close();
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** The JSON value of the bytes, `{}` for none, and the bytes themselves where they are no JSON. */
function eventOf(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return bytes;
  }
}

async function toAnswer(
  result: unknown,
  call: Call,
  controller: AbortController,
  done: () => void,
): Promise<Response> {
  if (result instanceof Response) {
    const head = headFrame(result.status, [...result.headers]);
    if (call.method !== "HEAD" && result.body) return stream(head, result.body, controller, call, done);
    await result.body?.cancel();
    done();
    return answer([head, frame(END)]);
  }
  if (result instanceof ReadableStream) {
    return stream(headFrame(200, typed("application/octet-stream")), result, controller, call, done);
  }
  const [type, bytes] = toBytes(result);
  done();
  return answer([headFrame(200, type ? typed(type) : []), frame(DATA, bytes), frame(END)]);
}

function toBytes(result: unknown): [type: string, bytes: Uint8Array] {
  if (result === undefined || result === null) return ["", new Uint8Array(0)];
  if (result instanceof Uint8Array) return ["application/octet-stream", result];
  if (result instanceof ArrayBuffer) return ["application/octet-stream", new Uint8Array(result)];
  if (typeof result === "string") return ["text/plain;charset=UTF-8", encoder.encode(result)];
  const json = JSON.stringify(result);
  if (json === undefined) throw new TypeError(`a ${typeof result} cannot be answered: it has no JSON form`);
  return ["application/json", encoder.encode(json)];
}

function stream(
  head: Uint8Array,
  body: ReadableStream<unknown>,
  controller: AbortController,
  call: Call,
  done: () => void,
): Response {
  const reader = body.getReader();
  const frames = new ReadableStream<Uint8Array>({
    start: (sink) => sink.enqueue(head),
    async pull(sink) {
      try {
        const { done: ended, value } = await reader.read();
        if (!ended) return sink.enqueue(frame(DATA, chunkBytes(value)));
        sink.enqueue(frame(END));
      } catch (error) {
        if (running.has(call.key)) report("Uncaught", error, call.requestId);
        sink.enqueue(exceptionFrame(error));
        reader.cancel(error).catch(() => {});
      }
      done();
      sink.close();
    },
    async cancel(reason) {
      controller.abort(reason);
      // It runs until the function's own stream has been told.
      await reader.cancel(reason).catch(() => {});
      done();
    },
  }, { highWaterMark: 0 });
  return new Response(frames);
}

function chunkBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return encoder.encode(chunk);
  throw new TypeError(`a stream must give Uint8Array or string chunks, not ${typeof chunk}`);
}

function answer(frames: Uint8Array[]): Response {
  const length = frames.reduce((sum, part) => sum + part.length, 0);
  if (length <= JOINED_BYTES_MAX || frames.length === 1) return new Response(join(frames, length));
  let next = 0;
  return new Response(
    new ReadableStream<Uint8Array>({
      pull(sink) {
        sink.enqueue(frames[next++]);
        if (next === frames.length) sink.close();
      },
    }),
  );
}

const typed = (type: string): [string, string][] => [["content-type", type]];
const headFrame = (status: number, headers: [string, string][]) => jsonFrame(HEAD, { status, headers });
const exceptionFrame = (error: unknown) => jsonFrame(EXCEPTION, { message: describe(error) });
const jsonFrame = (type: number, value: unknown) => frame(type, encoder.encode(JSON.stringify(value)));

function frame(type: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, type);
  view.setUint32(1, payload.length);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

function join(parts: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** One line: name, message, and where in the function's code. */
function describe(error: unknown): string {
  let text: string;
  try {
    text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    text = withoutPath(text);
    // An error of the import itself says where it is.
    const where = error instanceof Error && !text.includes("bundle.mjs") && firstUserLine(String(error.stack));
    if (where) text += ` (at ${where})`;
  } catch {
    text = "an error that cannot be read";
  }
  return text.replaceAll(/\s*\n\s*/g, " ").slice(0, MESSAGE_LENGTH_MAX);
}

function firstUserLine(stack: string): string | undefined {
  const line = stack.split("\n").find((line) => /^\s+at /.test(line) && line.includes(load!.bundleUrl));
  return line && withoutPath(line.replace(/^\s+at (async )?/, "").trim());
}

const withoutPath = (text: string) => load ? text.replaceAll(load.bundleUrl, "bundle.mjs") : text;

/** Writes what the function threw to its own log. */
function report(what: string, error: unknown, requestId?: string): void {
  let text: string;
  try {
    text = error instanceof Error ? String(error.stack) : String(error);
    text = text.split("\n").filter((line) => !line.includes(import.meta.url)).join("\n");
  } catch {
    text = "an error that cannot be read";
  }
  const inRequest = requestId ? ` in ${requestId}` : "";
  stderr.writeSync(encoder.encode(withoutPath(`${what}${inRequest}: ${text.slice(0, 4 * MESSAGE_LENGTH_MAX)}\n`)));
}
