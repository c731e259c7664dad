/** A client that is none of ours and knows nothing of our code but the messages. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { InvokeFunctionReplySchema, InvokeFunctionRequestSchema } from "../../gen/apiserverproto/apiserver_pb.ts";
import type { Platform } from "./program.ts";

const INVOKE = "apiserverproto.APIServer/InvokeFunction";

/** InvokeFunction by grpc-js, which knows nothing of our code. */
export function invokeByGrpcJs(
  platform: Platform,
  functionName: string,
  event: Uint8Array,
  metadata = new grpc.Metadata(),
) {
  const client = new grpc.Client(platform.ready.apiserver, grpc.credentials.createInsecure());
  const encode = (functionName: string) =>
    Buffer.from(
      toBinary(InvokeFunctionRequestSchema, create(InvokeFunctionRequestSchema, { functionName, event })),
    );
  const decode = (bytes: Uint8Array) => fromBinary(InvokeFunctionReplySchema, bytes);
  return new Promise<{ code: number; details: string; body: string }>((resolve) =>
    client.makeUnaryRequest(`/${INVOKE}`, encode, decode, functionName, metadata, (error, reply) => {
      client.close();
      resolve({
        code: error?.code ?? grpc.status.OK,
        details: error?.details ?? "",
        body: new TextDecoder().decode(reply?.body),
      });
    })
  );
}
