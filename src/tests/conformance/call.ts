/** One call of the client suite by our client's transport, and what became of it. */
import { create, type DescMethod } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { PlatformError } from "../../base/mod.ts";
import { type Dynamic, sleep } from "./compat.ts";
import { addHeaders, type Header, toHeaders } from "./metadata.ts";
import type { Types } from "./types.ts";

interface Result {
  responseHeaders: Header[];
  responseTrailers: Header[];
  payloads: unknown[];
  error?: unknown;
  numUnsentRequests: number;
}

/** Makes the call that `request` (a ClientCompatRequest) asks for; the answer is a ClientResponseResult. */
export async function call(types: Types, transport: Transport, request: Dynamic): Promise<Dynamic> {
  const method: DescMethod | undefined = types.service.methods.find(({ name }) => name === request.method);
  if (!method) throw new Error(`the service has no method ${request.method}`);
  const headers = new Headers();
  addHeaders(request.requestHeaders, headers);
  const stop = new AbortController();
  const timing = request.cancel?.cancelTiming as { case?: string; value?: number } | undefined;
  const cancelAfter = timing && (timing.case ?? "afterCloseSendMs");
  const result: Result = { responseHeaders: [], responseTrailers: [], payloads: [], numUnsentRequests: 0 };
  const requests: Dynamic[] = request.requestMessages.map((any: never) => anyUnpack(any, types.registry));
  result.numUnsentRequests = requests.length;

  async function* sent() {
    for (const [index, message] of requests.entries()) {
      await sleep(request.requestDelayMs);
      result.numUnsentRequests--;
      yield message;
      // A full-duplex call waits for each answer.
      if (request.streamType === FULL_DUPLEX) await answered(index + 1);
    }
    if (cancelAfter === "beforeCloseSend") stop.abort();
    else if (cancelAfter === "afterCloseSendMs") setTimeout(() => stop.abort(), timing!.value ?? 0);
  }
  let waiting: { for: number; resolve: () => void } | undefined, over = false;
  const answered = (count: number) =>
    new Promise<void>((resolve) => {
      if (over || result.payloads.length >= count) resolve();
      else waiting = { for: count, resolve };
    });
  const received = (message: Dynamic) => {
    result.payloads.push(message.payload);
    if (cancelAfter === "afterNumResponses" && result.payloads.length === timing!.value) stop.abort();
    if (waiting && result.payloads.length >= waiting.for) waiting.resolve();
  };
  const options = [stop.signal, request.timeoutMs, headers] as const;
  try {
    if (method.methodKind === "unary") {
      await sleep(request.requestDelayMs);
      result.numUnsentRequests = 0;
      const answer = transport.unary(method as never, ...options, requests[0]);
      if (cancelAfter === "afterCloseSendMs") setTimeout(() => stop.abort(), timing!.value ?? 0);
      const { header, trailer, message } = await answer;
      Object.assign(result, { responseHeaders: toHeaders(header), responseTrailers: toHeaders(trailer) });
      received(message as Dynamic);
    } else {
      const { header, trailer, message } = await transport.stream(method as never, ...options, sent());
      result.responseHeaders = toHeaders(header);
      try {
        for await (const one of message) received(one as Dynamic);
      } catch (error) {
        // A call with one answer has it only when it ended well.
        if (method.methodKind === "client_streaming") result.payloads = [];
        throw error;
      } finally {
        result.responseTrailers = toHeaders(trailer);
      }
      if (method.methodKind === "client_streaming" && result.payloads.length !== 1) {
        const count = result.payloads.length;
        result.payloads = [];
        throw new ConnectError(`${count} answers instead of one`, Code.Unimplemented);
      }
    }
  } catch (error) {
    result.error = errorOf(types, connectErrorOf(error), result);
  } finally {
    over = true;
    waiting?.resolve();
  }
  return create(types.message("ClientResponseResult"), result as never) as Dynamic;
}

const FULL_DUPLEX = 5;

/** What the protocol said: our transports' errors keep it as their cause. */
function connectErrorOf(error: unknown): ConnectError {
  if (error instanceof PlatformError && error.cause instanceof ConnectError) return error.cause;
  if (error instanceof PlatformError) return new ConnectError(error.message, codeOf(error.code));
  return ConnectError.from(error);
}

function codeOf(name: string): Code {
  if (name === "cancelled") return Code.Canceled;
  const found = Object.entries(Code).find(([known]) => known.toLowerCase() === name.replaceAll("_", ""));
  return found ? found[1] as Code : Code.Unknown;
}

function errorOf(types: Types, error: ConnectError, result: Result): Dynamic {
  // An error's metadata are the headers and trailers of its call, as far as they are not known otherwise.
  if (result.responseTrailers.length === 0) result.responseTrailers = toHeaders(error.metadata);
  if (result.responseHeaders.length === 0) result.responseHeaders = toHeaders(error.metadata);
  const details = error.details.flatMap((detail) =>
    "type" in detail
      ? [{ $typeName: "google.protobuf.Any", typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value }]
      : []
  );
  return create(types.message("Error"), { code: error.code, message: error.rawMessage, details } as never) as Dynamic;
}
