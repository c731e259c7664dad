import http from "node:http";
import { KIB } from "../../../base/mod.ts";

/** A harness's own JSON answers are short; whatever is longer does not come from it. */
const JSON_BYTES_MAX = 64 * KIB;

/**
 * Ends a request whose answer nobody wants any more. Deno sends one again by itself whose reused connection broke, this
 * way as well (denoland/deno#36786): the function would run a second time. Without a reason: where the answer has just
 * come whole, its connection would fail with it, to which nobody listens any more, and that ends the process.
 */
export function giveUp(request: http.ClientRequest): void {
  request.reusedSocket = false;
  request.destroy();
}

/** HTTP/1.1 to one container over its unix socket, with connections kept alive. */
export class Channel {
  readonly #socketPath: string;
  readonly #agent = new http.Agent({ keepAlive: true });

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Opens a request; the caller ends it and handles its events. */
  open(method: string, path: string, headers: Record<string, string>): http.ClientRequest {
    return http.request({ socketPath: this.#socketPath, agent: this.#agent, method, path, headers });
  }

  /** One JSON answer. Rejects where the connection breaks, `signal` is aborted or the answer is no JSON. */
  async json(method: string, path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const request = this.open(method, path, {});
    const onAbort = () => giveUp(request);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
        request.on("response", resolve);
        request.on("error", reject);
        request.end(body === undefined ? undefined : JSON.stringify(body));
      });
      let text = "";
      const decoder = new TextDecoder();
      for await (const chunk of response) {
        text += decoder.decode(chunk, { stream: true });
        if (text.length > JSON_BYTES_MAX) throw new Error("its answer is too long");
      }
      return JSON.parse(text);
    } catch (error) {
      throw signal.aborted ? new Error("no answer in time", { cause: error }) : error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Closes every connection. */
  close(): void {
    this.#agent.destroy();
  }
}
