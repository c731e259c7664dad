/** What the calls of one method have in common, made once for each. */
import type { DescMethod } from "@bufbuild/protobuf";
import { holdsBytes } from "../grpc/codec.ts";
import type { Fields } from "../http2/mod.ts";
import { fieldsOf, timeoutOf } from "./metadata.ts";

/** Names us to the servers we call, as gRPC's "gRPC over HTTP2" asks. */
const USER_AGENT = "grpc-minifaas/0.1";

/** The header block of requests, but for their timeout. */
export class RequestHead {
  readonly #fields: Fields;
  /** The block of the last call: most calls of a method have the same timeout. */
  #timeoutMs = NaN;
  #withTimeout: Fields = [];

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  /** The fields of a call that has so many milliseconds left, or any number of them. */
  fields(leftMs: number): Fields {
    if (leftMs === Infinity) return this.#fields;
    if (leftMs !== this.#timeoutMs) {
      this.#timeoutMs = leftMs;
      this.#withTimeout = [...this.#fields, "grpc-timeout", timeoutOf(leftMs)];
    }
    return this.#withTimeout;
  }

  /** The same with a caller's own headers. */
  with(header: HeadersInit, hasToken: boolean): RequestHead {
    return new RequestHead([...this.#fields, ...fieldsOf(header, hasToken)]);
  }
}

interface Known {
  readonly head: RequestHead;
  /** Whether a decoded answer may keep views of the bytes it was made of. */
  readonly keepsView: boolean;
}

/** The methods that were called so far. */
export class Methods {
  readonly #known = new WeakMap<DescMethod, Known>();

  constructor(private readonly options: { address: string; scheme: "http" | "https"; token?: string }) {}

  get(method: DescMethod): Known {
    let known = this.#known.get(method);
    if (!known) {
      known = { head: new RequestHead(this.#fieldsOf(method)), keepsView: holdsBytes(method.output) };
      this.#known.set(method, known);
    }
    return known;
  }

  #fieldsOf(method: DescMethod): Fields {
    const { address, scheme, token } = this.options;
    const path = `/${method.parent.typeName}/${method.name}`;
    const fields = [":method", "POST", ":scheme", scheme, ":path", path, ":authority", address];
    fields.push("te", "trailers", "content-type", "application/grpc", "user-agent", USER_AGENT);
    if (token !== undefined) fields.push("authorization", `Bearer ${token}`);
    return fields;
  }
}
