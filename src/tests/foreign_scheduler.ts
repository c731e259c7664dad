/**
 * A scheduler that is none of ours: grpc-js on both sides, and of the wire only what the field's own schedulers know.
 * One invocation per container at a time; nodes are reserved one after the other and never given back.
 */
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import {
  CreateContainerReplySchema,
  CreateContainerRequestSchema,
  ReserveReplySchema,
  ReserveRequestSchema,
} from "../../gen/nodeservoceproto/nodeservice_pb.ts";
import { ReserveNodeReplySchema, ReserveNodeRequestSchema } from "../../gen/resourcemanagerproto/resourcemanager_pb.ts";
import {
  AcquireContainerReplySchema,
  type AcquireContainerRequest,
  AcquireContainerRequestSchema,
  type FunctionConfig,
  ReturnContainerReplySchema,
  ReturnContainerRequestSchema,
} from "../../gen/schedulerproto/scheduler_pb.ts";

interface Node {
  readonly id: string;
  readonly address: string;
  readonly port: bigint;
  readonly client: grpc.Client;
  freeBytes: bigint;
}

interface Container {
  readonly id: string;
  readonly node: Node;
  readonly functionName: string;
}

/** Who waits for an answer, or does not any more. */
interface Caller {
  readonly cancelled: boolean;
}

const encoder = (schema: DescMessage) => (value: unknown) => {
  return Buffer.from(toBinary(schema, create(schema, value as MessageInitShape<DescMessage>)));
};
const decoder = (schema: DescMessage) => (bytes: Uint8Array) => fromBinary(schema, bytes);

function call<Reply extends DescMessage>(
  client: grpc.Client,
  path: string,
  [request, reply]: [DescMessage, Reply],
  value: unknown,
): Promise<ReturnType<typeof fromBinary<Reply>>> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, encoder(request), decoder(reply), value, (error, answer) => {
      if (error) reject(error);
      else resolve(answer as ReturnType<typeof fromBinary<Reply>>);
    });
  });
}

/** Serves until it is closed. */
export class ForeignScheduler {
  readonly #server = new grpc.Server();
  readonly #resourceManager: grpc.Client;
  readonly #nodes: Node[] = [];
  readonly #idle: Container[] = [];
  readonly #busy = new Map<string, Container>();
  #reserving: Promise<void> | undefined;
  #requests = 0;
  #watch: { count: number; then: () => void } | undefined;
  acquired = 0;
  returned = 0;

  constructor(resourceManager: string) {
    this.#resourceManager = new grpc.Client(resourceManager, grpc.credentials.createInsecure());
    const method = (name: string, request: DescMessage, reply: DescMessage) => ({
      path: `/schedulerproto.Scheduler/${name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: encoder(request),
      requestDeserialize: decoder(request),
      responseSerialize: encoder(reply),
      responseDeserialize: decoder(reply),
    });
    const unary =
      (handle: (request: never, call: Caller) => Promise<unknown>): grpc.handleUnaryCall<unknown, unknown> =>
      (call, answer) => {
        handle(call.request as never, call).then((reply) => answer(null, reply), (error) => answer(error));
      };
    this.#server.addService({
      acquire: method("AcquireContainer", AcquireContainerRequestSchema, AcquireContainerReplySchema),
      return: method("ReturnContainer", ReturnContainerRequestSchema, ReturnContainerReplySchema),
    }, {
      acquire: unary((request: AcquireContainerRequest, call) => this.#acquire(request, call)),
      return: unary((request: { requestId: string; errorCode: string }) => this.#return(request)),
    });
  }

  /** Resolves with its address. */
  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(error);
        else resolve(`127.0.0.1:${port}`);
      });
    });
  }

  /** Resolves as soon as so many containers were acquired. */
  hasAcquired(count: number): Promise<void> {
    return new Promise((then) => this.#watch = { count, then });
  }

  close(): void {
    this.#server.forceShutdown();
    this.#resourceManager.close();
    for (const { client } of this.#nodes) client.close();
  }

  async #acquire({ requestId, functionName, functionConfig }: AcquireContainerRequest, caller: Caller) {
    const at = this.#idle.findIndex((one) => one.functionName === functionName);
    const container = at >= 0 ? this.#idle.splice(at, 1)[0] : await this.#start(functionName, functionConfig!);
    if (caller.cancelled) {
      this.#idle.push(container);
      throw { code: grpc.status.CANCELLED, details: "the caller has left" };
    }
    this.#busy.set(requestId, container);
    if (++this.acquired === this.#watch?.count) this.#watch.then();
    const { id, node } = container;
    return { nodeId: node.id, nodeAddress: node.address, nodeServicePort: node.port, containerId: id };
  }

  #return({ requestId, errorCode }: { requestId: string; errorCode: string }): Promise<unknown> {
    const container = this.#busy.get(requestId);
    if (!container) return Promise.reject({ code: grpc.status.NOT_FOUND, details: `no request ${requestId}` });
    this.#busy.delete(requestId);
    this.returned++;
    if (errorCode === "") this.#idle.push(container);
    return Promise.resolve({});
  }

  async #start(functionName: string, config: FunctionConfig): Promise<Container> {
    const { memoryInBytes, timeoutInMs, handler } = config;
    const node = await this.#room(memoryInBytes);
    const functionMeta = { functionName, handler, timeoutInMs, memoryInBytes };
    const { containerId } = await call(
      node.client,
      "/nodeservoceproto.NodeService/CreateContainer",
      [CreateContainerRequestSchema, CreateContainerReplySchema],
      { requestId: `create-${this.#requests++}`, name: functionName, functionMeta },
    );
    return { id: containerId, node, functionName };
  }

  /** A node with room, which is taken. */
  async #room(bytes: bigint): Promise<Node> {
    for (;;) {
      const node = this.#nodes.find(({ freeBytes }) => freeBytes >= bytes);
      if (node) {
        node.freeBytes -= bytes;
        return node;
      }
      await (this.#reserving ??= this.#reserve().finally(() => this.#reserving = undefined));
    }
  }

  async #reserve(): Promise<void> {
    const requestId = `reserve-${this.#requests++}`;
    const { node } = await call(
      this.#resourceManager,
      "/resourcemanagerproto.ResourceManager/ReserveNode",
      [ReserveNodeRequestSchema, ReserveNodeReplySchema],
      { requestId, accountId: "account" },
    );
    const { id, address, nodeServicePort: port, memoryInBytes: freeBytes } = node!;
    const client = new grpc.Client(`${address}:${port}`, grpc.credentials.createInsecure());
    await call(client, "/nodeservoceproto.NodeService/Reserve", [ReserveRequestSchema, ReserveReplySchema], {
      requestId,
      ownerAccountId: "account",
    });
    this.#nodes.push({ id, address, port, client, freeBytes });
  }
}
