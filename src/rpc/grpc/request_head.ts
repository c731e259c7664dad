import type { Fields } from "../http2/types.ts";

/** What decides how a request is answered, found in one pass over its header fields. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly scheme: string;
  readonly authority: string;
  readonly contentType: string;
  /** Fields of gRPC and their values; undefined where they are missing. */
  readonly timeout: string | undefined;
  readonly encoding: string | undefined;
  readonly authorization: string | undefined;
  readonly userAgent: string;
  /** Whether the client waits to be told that the body is wanted (RFC 9110, 10.1.1). */
  readonly expectsContinue: boolean;
  /** Whether one of these fields occurs twice: such a request is nobody's fast path. */
  readonly repeats: boolean;
}

/** Reads the head of a request whose pseudo-headers the connection has checked. */
export function readHead(fields: Fields): RequestHead {
  let method = "", path = "", scheme = "", authority = "", userAgent = "", contentType: string | undefined;
  let timeout: string | undefined, encoding: string | undefined, authorization: string | undefined;
  let host: string | undefined, repeats = false, expectsContinue = false;
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1];
    switch (fields[i]) {
      case ":method":
        method = value;
        break;
      case ":path":
        path = value;
        break;
      case ":scheme":
        scheme = value;
        break;
      case ":authority":
        authority = value;
        break;
      case "host":
        host ??= value;
        break;
      case "user-agent":
        userAgent = value;
        break;
      case "expect":
        expectsContinue = value.toLowerCase() === "100-continue";
        break;
      case "content-type":
        repeats ||= contentType !== undefined;
        contentType = value;
        break;
      case "grpc-timeout":
        repeats ||= timeout !== undefined;
        timeout = value;
        break;
      case "grpc-encoding":
        repeats ||= encoding !== undefined;
        encoding = value;
        break;
      case "authorization":
        repeats ||= authorization !== undefined;
        authorization = value;
        break;
    }
  }
  authority ||= host ?? "localhost";
  contentType ??= "";
  return {
    method,
    path,
    scheme,
    authority,
    contentType,
    timeout,
    encoding,
    authorization,
    userAgent,
    expectsContinue,
    repeats,
  };
}

/** The fields as `Headers`, without pseudo-headers; cookies that came in pieces are one again (RFC 9113, 8.2.3). */
export function toHeaders(fields: Fields): Headers {
  const headers = new Headers();
  let cookie: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i], value = fields[i + 1];
    if (name.charCodeAt(0) === 58 /* : */) continue;
    if (name === "cookie") cookie = cookie === undefined ? value : `${cookie}; ${value}`;
    else headers.append(name, value);
  }
  if (cookie !== undefined) headers.set("cookie", cookie);
  return headers;
}
