/**
 * How a call ended, from its header blocks or from its reset: undefined for success, else the error for the caller.
 * After gRPC's "gRPC over HTTP2" and "HTTP to gRPC Status Code Mapping".
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { codeFromHttpStatus, findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { type ErrorCode as PlatformCode, PlatformError } from "../../base/mod.ts";
import { fromConnectError } from "../errors.ts";
import { ErrorCode, type Fields } from "../http2/mod.ts";
import { addToHeaders, fieldOf } from "./metadata.ts";

const CONTENT_TYPE = /^application\/grpc(\+proto)?[\t ]*(;|$)/i;

/** Whether a header block is one of those that come before the answer's own. */
export function isInformational(fields: Fields): boolean {
  return fields[0] === ":status" && fields[1].charCodeAt(0) === 0x31;
}

/** What is wrong with the head of an answer that goes on after it, or is its end with `isEnd`. */
export function errorOfHead(head: Fields, isEnd: boolean, address: string): PlatformError | undefined {
  const httpStatus = fieldOf(head, ":status");
  const hasStatus = isEnd && fieldOf(head, "grpc-status") !== undefined;
  if (httpStatus !== "200" && !hasStatus) {
    const text = `${address} answered with HTTP status ${httpStatus}, without a gRPC status`;
    return wireError(new ConnectError(text, codeFromHttpStatus(Number(httpStatus)), addToHeaders(new Headers(), head)));
  }
  if (hasStatus) return undefined;
  const contentType = fieldOf(head, "content-type") ?? "";
  if (!CONTENT_TYPE.test(contentType)) {
    const code = contentType.startsWith("application/grpc") ? "internal" : "unknown";
    const found = contentType === "" ? "missing" : JSON.stringify(contentType.slice(0, 80));
    return new PlatformError(code, `the content-type of ${address}'s answer is ${found}, must be application/grpc`);
  }
  return undefined;
}

/** The error that an answer's last header block tells: its trailers, or a head without a body. */
export function errorOfEnd(end: Fields, head: Fields, address: string): PlatformError | undefined {
  const status = fieldOf(end, "grpc-status");
  if (status === "0") return undefined;
  if (status === undefined) return missingStatus(address);
  const metadata = addToHeaders(new Headers(), end);
  if (head !== end) addToHeaders(metadata, head);
  const number = /^[0-9]{1,3}$/.test(status) ? Number(status) : NaN;
  if (!(number in Code)) {
    return new PlatformError("unknown", `grpc-status is ${JSON.stringify(status.slice(0, 20))}, must be 0 to 16`);
  }
  const error = new ConnectError(decodeMessage(fieldOf(end, "grpc-message") ?? ""), number, metadata);
  error.details = detailsOf(fieldOf(end, "grpc-status-details-bin"));
  return wireError(error);
}

/** The error of an answer that ended, cleanly for HTTP/2, before saying how. */
export function missingStatus(address: string): PlatformError {
  return new PlatformError("internal", `the answer of ${address} ended without a grpc-status`);
}

/** The error of a stream that was reset with `code`, by the peer or because the peer broke a rule. */
export function errorOfReset(code: number, reason: string, address: string): PlatformError {
  const text = reason === "" ? "" : `: ${reason}`;
  const name = Object.entries(ErrorCode).find(([, value]) => value === code)?.[0] ?? `code ${code}`;
  return new PlatformError(RESETS[code] ?? "internal", `the call's stream to ${address} was reset with ${name}${text}`);
}

const RESETS: Readonly<Record<number, PlatformCode>> = {
  // gRPC's list says internal. Servers on Node.js say this of every stream when they are stopped.
  [ErrorCode.NO_ERROR]: "unavailable",
  [ErrorCode.REFUSED_STREAM]: "unavailable",
  [ErrorCode.CANCEL]: "cancelled",
  [ErrorCode.ENHANCE_YOUR_CALM]: "resource_exhausted",
  [ErrorCode.INADEQUATE_SECURITY]: "permission_denied",
};

/** `grpc-message` as text: %XX are bytes of UTF-8; what is not well escaped stays as it is. */
export function decodeMessage(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value.replaceAll(/(%[0-9a-f]{2})+/gi, (escaped) => {
      const bytes = escaped.slice(1).split("%").map((digits) => parseInt(digits, 16));
      return new TextDecoder().decode(new Uint8Array(bytes));
    });
  }
}

/** The details of a `google.rpc.Status`; none where it cannot be read, since code and message are told besides. */
function detailsOf(value: string | undefined): ConnectError["details"] {
  if (value === undefined) return [];
  try {
    return findTrailerError(new Headers({ "grpc-status-details-bin": value }))?.details ?? [];
  } catch {
    return [];
  }
}

function wireError(error: ConnectError): PlatformError {
  error.isWireError = true;
  return fromConnectError(error);
}
