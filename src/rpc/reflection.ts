import type { DescFile, DescService } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import * as v1 from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import * as v1alpha from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";

type Request = v1.ServerReflectionRequest["messageRequest"] | v1alpha.ServerReflectionRequest["messageRequest"];
/** The same in both versions, which differ in their package alone. */
type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/** Registers gRPC server reflection, v1 and v1alpha, over all services that `services` names when it is asked. */
export function registerReflection(router: ConnectRouter, services: () => Iterable<DescService>): void {
  let index: Index | undefined;
  async function* serve<T extends { host: string; messageRequest: Request }>(requests: AsyncIterable<T>) {
    const sent = new Set<string>();
    index ??= buildIndex(services());
    for await (const request of requests) {
      const messageResponse = answer(index, request.messageRequest, sent);
      yield { validHost: request.host, originalRequest: request, messageResponse };
    }
  }
  router.service(v1.ServerReflection, { serverReflectionInfo: (requests) => serve(requests) });
  router.service(v1alpha.ServerReflection, { serverReflectionInfo: (requests) => serve(requests) });
}

interface Index {
  readonly services: readonly string[];
  readonly files: ReadonlyMap<string, DescFile>;
  readonly symbols: ReadonlyMap<string, DescFile>;
  /** Message name → its extensions' numbers → the file with each. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, DescFile>>;
}

function buildIndex(services: Iterable<DescService>): Index {
  const names = new Set<string>();
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  const add = (file: DescFile) => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    for (const type of nestedTypes(file)) {
      symbols.set(type.typeName, file);
      if (type.kind !== "extension") continue;
      const numbers = extensions.get(type.extendee.typeName) ?? new Map<number, DescFile>();
      extensions.set(type.extendee.typeName, numbers.set(type.number, file));
    }
    file.dependencies.forEach(add);
  };
  for (const service of services) {
    names.add(service.typeName);
    add(service.file);
  }
  return { services: [...names].sort(), files, symbols, extensions };
}

function answer(index: Index, request: Request, sent: Set<string>): Answer {
  switch (request.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: index.services.map((name) => ({ name })) } };
    case "fileByFilename":
      return fileAnswer(index.files.get(request.value), `file ${request.value}`, sent);
    case "fileContainingSymbol":
      return fileAnswer(fileOf(index, request.value), `symbol ${request.value}`, sent);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = request.value;
      const file = index.extensions.get(containingType)?.get(extensionNumber);
      return fileAnswer(file, `extension ${extensionNumber} of ${containingType}`, sent);
    }
    case "allExtensionNumbersOfType": {
      if (!index.symbols.has(request.value)) return notFound(`type ${request.value}`);
      const extensionNumber = [...index.extensions.get(request.value)?.keys() ?? []];
      return { case: "allExtensionNumbersResponse", value: { baseTypeName: request.value, extensionNumber } };
    }
    default:
      return {
        case: "errorResponse",
        value: { errorCode: Code.InvalidArgument, errorMessage: "message_request is missing" },
      };
  }
}

/** Methods, fields and enum values are found through the type that holds them. */
function fileOf(index: Index, symbol: string): DescFile | undefined {
  return index.symbols.get(symbol) ?? index.symbols.get(symbol.slice(0, Math.max(0, symbol.lastIndexOf("."))));
}

/** The file, and what it depends on as far as this stream has not carried it yet. */
function fileAnswer(file: DescFile | undefined, wanted: string, sent: Set<string>): Answer {
  if (!file) return notFound(wanted);
  const fileDescriptorProto: Uint8Array[] = [];
  const add = (next: DescFile) => {
    if (next !== file && sent.has(next.proto.name)) return;
    sent.add(next.proto.name);
    fileDescriptorProto.push(toBinary(FileDescriptorProtoSchema, next.proto));
    next.dependencies.forEach(add);
  };
  add(file);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(wanted: string): Answer {
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: `${wanted} is not known here` } };
}
