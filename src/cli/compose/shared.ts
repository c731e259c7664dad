import {
  type ClientTls,
  type ClientTransport,
  createClientTransport,
  type Edge,
  type Http2Choice,
  type TlsIdentity,
} from "../../rpc/mod.ts";
import { type Clock, Log, type LogLevel, type Random, systemClock, systemRandom } from "../../base/mod.ts";

/** How long calls and invocations under way may go on after the platform was told to stop. */
export const DRAIN_MS = 10_000;

/** What every composed service stands on. */
export interface Shared {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: (service: string) => Log;
  /** Protects every port where it is set. */
  readonly token?: string;
  /** Calls to the service at `address` (`host:port`): with the token, and by TLS where the platform's ports speak it. */
  readonly connect: (address: string) => ClientTransport;
}

/** The machine's clock and randomness, and logs to `write`. */
export function systemShared(options: {
  level: LogLevel;
  write: (line: string) => void;
  token?: string;
  /** Whom peers are verified against; undefined: they are dialled without TLS. */
  peerTls?: ClientTls;
}): Shared {
  const { level, write, token, peerTls } = options;
  const connect = (address: string) => createClientTransport({ address, token, tls: peerTls });
  const log = (service: string) => new Log({ service, level, write, clock: systemClock });
  return { clock: systemClock, random: systemRandom(), log, token, connect };
}

/** `host:port`, with the brackets that an IPv6 address needs. */
export function addressOf({ hostname, port }: { hostname: string; port: number }): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * Things to close, last opened first. One that fails does not keep the others from closing; the first failure is
 * thrown at the end.
 */
export class Closers {
  readonly #closers: ((graceMs: number) => void | Promise<void>)[] = [];
  #closed?: Promise<void>;

  /** `close` is told how long what is under way may go on. */
  add(close: (graceMs: number) => void | Promise<void>): void {
    this.#closers.push(close);
  }

  close(graceMs = DRAIN_MS): Promise<void> {
    return this.#closed ??= this.#closeAll(graceMs);
  }

  async #closeAll(graceMs: number): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.reverse()) {
      try {
        await close(graceMs);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Opens a service's port; it closes with the others, letting calls under way end. */
export async function openDoor(
  edge: Edge,
  { host: hostname, http2, tls }: { host: string; http2: Http2Choice; tls?: TlsIdentity },
  port: number,
  closers: Closers,
): Promise<string> {
  const listener = await edge.listen({ hostname, port, http2, tls });
  closers.add((graceMs) => listener.close({ graceMs }));
  return addressOf(listener);
}

/** Something that serves until it is closed. */
export interface Running {
  /** Where each service listens: `host:port` by name. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Lines that tell a person what to do next. */
  readonly hints?: readonly string[];
  /** Lets what is under way end within `graceMs` ({@linkcode DRAIN_MS} by default), then leaves nothing behind. */
  close(graceMs?: number): Promise<void>;
}
