/** What every call of one method says in its header block. */
import type { DescMethod } from "@bufbuild/protobuf";

/** Names us to the servers we call, as gRPC's "gRPC over HTTP2" asks. */
const USER_AGENT = "grpc-minifaas/0.1";

/** The request's fields by method, made once for each. */
export class Methods {
  readonly #fields = new WeakMap<DescMethod, readonly string[]>();

  constructor(private readonly options: { address: string; scheme: "http" | "https"; token?: string }) {}

  /** The fields of a call to `method`, without the caller's own and the timeout. Not to be changed. */
  fieldsOf(method: DescMethod): readonly string[] {
    let fields = this.#fields.get(method);
    if (!fields) this.#fields.set(method, fields = this.#make(method));
    return fields;
  }

  #make(method: DescMethod): readonly string[] {
    const { address, scheme, token } = this.options;
    const path = `/${method.parent.typeName}/${method.name}`;
    const fields = [":method", "POST", ":scheme", scheme, ":path", path, ":authority", address];
    fields.push("te", "trailers", "content-type", "application/grpc", "user-agent", USER_AGENT);
    if (token !== undefined) fields.push("authorization", `Bearer ${token}`);
    return fields;
  }
}
