/** The service that the suites call: each request says how it is to be answered. */
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { type Dynamic, sleep } from "./compat.ts";
import { addHeaders, toHeaders } from "./metadata.ts";
import type { Types } from "./types.ts";

/** The handlers. `Unimplemented` has none, as its name says. */
export function conformanceService({ message, service }: Types): Partial<ServiceImpl<Types["service"]>> {
  const requestInfo = message("ConformancePayload.RequestInfo");
  const packed = (method: string, request: Dynamic): Any => anyPack(service.method[method].input, request);

  function infoOf(context: HandlerContext, requests: Any[]): Dynamic {
    const timeoutMs = context.timeoutMs();
    return create(requestInfo, {
      requestHeaders: toHeaders(context.requestHeader),
      timeoutMs: timeoutMs === undefined ? undefined : BigInt(Math.round(timeoutMs)),
      requests,
      connectGetInfo: context.requestMethod === "GET" ? { queryParams: queryOf(context.url) } : undefined,
    } as never) as Dynamic;
  }

  function begin(definition: Dynamic | undefined, context: HandlerContext): void {
    addHeaders(definition?.responseHeaders ?? [], context.responseHeader);
    addHeaders(definition?.responseTrailers ?? [], context.responseTrailer);
  }

  async function answerOnce(definition: Dynamic | undefined, context: HandlerContext, requests: Any[]) {
    begin(definition, context);
    const info = infoOf(context, requests);
    if (definition?.responseDelayMs) await sleep(definition.responseDelayMs);
    if (definition?.response.case === "error") throw errorOf(definition.response.value, requestInfo, info);
    const data = definition?.response.case === "responseData" ? definition.response.value : new Uint8Array(0);
    return { payload: { data, requestInfo: info } };
  }

  const unary = (method: string) => (request: Dynamic, context: HandlerContext) =>
    answerOnce(request.responseDefinition, context, [packed(method, request)]);

  const handlers = {
    unary: unary("unary"),
    idempotentUnary: unary("idempotentUnary"),
    async clientStream(incoming: AsyncIterable<Dynamic>, context: HandlerContext) {
      const requests: Dynamic[] = [];
      for await (const request of incoming) requests.push(request);
      const all = requests.map((request) => packed("clientStream", request));
      return await answerOnce(requests[0]?.responseDefinition, context, all);
    },
    async *serverStream(request: Dynamic, context: HandlerContext) {
      const definition = request.responseDefinition;
      begin(definition, context);
      const info = infoOf(context, [packed("serverStream", request)]);
      yield* answers(definition, 0, info, requestInfo);
    },
    async *bidiStream(incoming: AsyncIterable<Dynamic>, context: HandlerContext) {
      const requests: Any[] = [];
      let definition: Dynamic | undefined, sent = 0, isFullDuplex = false;
      for await (const request of incoming) {
        requests.push(packed("bidiStream", request));
        if (requests.length === 1) {
          definition = request.responseDefinition;
          isFullDuplex = request.fullDuplex;
          begin(definition, context);
        }
        if (!isFullDuplex) continue;
        // With nothing left to say to a request the call is over.
        if (!definition || sent === definition.responseData.length) break;
        await sleep(definition.responseDelayMs);
        const info = sent === 0
          ? infoOf(context, requests)
          : create(requestInfo, { requests: [requests.at(-1)!] } as never);
        yield { payload: { data: definition.responseData[sent++], requestInfo: info } };
      }
      yield* answers(definition, sent, infoOf(context, requests), requestInfo);
    },
  };
  return handlers as unknown as Partial<ServiceImpl<Types["service"]>>;
}

/** The answers from the given one on, and the error after them. The very first one, or an error alone, has `info`. */
async function* answers(definition: Dynamic | undefined, from: number, info: Dynamic, type: DescMessage) {
  const data: Uint8Array[] = definition?.responseData ?? [];
  for (let sent = from; sent < data.length; sent++) {
    await sleep(definition!.responseDelayMs);
    yield { payload: { data: data[sent], requestInfo: sent === 0 ? info : undefined } };
  }
  if (definition?.error) throw errorOf(definition.error, type, data.length === 0 ? info : undefined);
}

function errorOf(error: Dynamic, type: DescMessage, info: Dynamic | undefined): ConnectError {
  const details = error.details.map(({ typeUrl, value }: Any) => ({ type: typeUrl.split("/").at(-1), value }));
  if (info) details.push({ type: type.typeName, value: toBinary(type, info) });
  const known = new ConnectError(error.message ?? "", error.code);
  known.details.push(...details);
  return known;
}

function queryOf(url: string) {
  const { searchParams } = new URL(url);
  return [...new Set(searchParams.keys())].map((name) => ({ name, value: searchParams.getAll(name) }));
}
