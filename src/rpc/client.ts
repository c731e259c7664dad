import type { DescMethod } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import {
  type Clock,
  invalidArgument,
  MIB,
  PlatformError,
  type Random,
  systemClock,
  systemRandom,
} from "../base/mod.ts";
import type { CallParts } from "./client/call.ts";
import { Channel } from "./client/channel.ts";
import { PING_AFTER_MS_MIN, PING_TIMEOUT_MS } from "./client/limits.ts";
import { createLink } from "./client/link.ts";
import { Methods } from "./client/method.ts";
import { type ClientTls, dial, parseAddress } from "./client/socket.ts";
import { callStreaming } from "./client/streaming.ts";
import { callUnary } from "./client/unary.ts";
import { http2Limits } from "./http2/mod.ts";

/**
 * What all streams together may send before it is read: slow readers of a hundred answers leave room for all other
 * calls on the connection.
 */
const CONNECTION_WINDOW_BYTES = 128 * MIB;

/** Requests are in memory anyway, whether they wait here or in the connection: it need not refuse any. */
const QUEUE_BYTES_MAX = 2 ** 31 - 1;

export interface ClientOptions {
  /** `host:port`, an IPv6 address in brackets. */
  readonly address: string;
  /** Goes with every call as `authorization: Bearer <token>`. */
  readonly token?: string;
  /** Encrypts the connection. */
  readonly tls?: ClientTls;
  /**
   * Asks a peer that has been silent for so long whether it is there, and takes it for dead 20 s later. Off by default:
   * the kernel asks too, and servers of gRPC's own libraries hang up on those who ask more than once in five minutes.
   * At least 10,000.
   */
  readonly pingAfterMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Calls to one other service. */
export interface ClientTransport {
  readonly transport: Transport;
  /** Ends the connection and every call on it (`unavailable`); later calls fail the same way. */
  close(): void;
}

/**
 * gRPC over one HTTP/2 connection to `address`, opened at the first call and given up when idle. Calls fail with
 * `PlatformError`: code, message, failure and retry delay as the other side gave them, `unavailable` where it cannot be
 * reached or the connection is lost, `deadline_exceeded` and `cancelled` by the caller's own time and signal.
 *
 * A call that comes while the peer is out of reach waits for the next attempt, at most a second away, and fails with it.
 * Leaving the messages of a streaming call early cancels it; a client made by Connect's `createClient` does not pass
 * that on, so there the caller's signal is to be aborted.
 */
export function createClientTransport(options: ClientOptions): ClientTransport {
  const { address, token, tls, pingAfterMs, clock = systemClock, random = systemRandom() } = options;
  const target = parseAddress(address);
  if (pingAfterMs !== undefined && !(pingAfterMs >= PING_AFTER_MS_MIN)) {
    throw invalidArgument("pingAfterMs", pingAfterMs, `at least ${PING_AFTER_MS_MIN}`);
  }
  const limits = http2Limits({
    connectionWindowBytes: CONNECTION_WINDOW_BYTES,
    connectionQueueBytesMax: QUEUE_BYTES_MAX,
    keepAliveMs: pingAfterMs ?? 0,
    keepAliveTimeoutMs: PING_TIMEOUT_MS,
  });
  const channel = new Channel({
    address,
    clock,
    random,
    dial: (events) => createLink({ address, clock, limits, ...dial(target, tls) }, events),
  });
  const methods = new Methods({ address, scheme: tls ? "https" : "http", token });

  function partsOf(
    method: DescMethod,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
  ): CallParts {
    const { head, keepsView } = methods.get(method);
    const own = header === undefined ? head : head.with(header, token !== undefined);
    return { exchange: channel, head: own, keepsView, signal, timeoutMs };
  }

  const transport: Transport = {
    unary(method, signal, timeoutMs, header, input) {
      try {
        return callUnary(method, input, partsOf(method, signal, timeoutMs, header));
      } catch (error) {
        return Promise.reject(error);
      }
    },
    stream(method, signal, timeoutMs, header, input) {
      try {
        return callStreaming(method, input, partsOf(method, signal, timeoutMs, header));
      } catch (error) {
        return Promise.reject(error);
      }
    },
  };
  return {
    transport,
    close: () => channel.close(new PlatformError("unavailable", `the connection to ${address} was closed here`)),
  };
}
