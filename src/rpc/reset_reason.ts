import { Code, ConnectError } from "@connectrpc/connect";
import { CONNECTION_LOST, ErrorCode } from "./http2/types.ts";

const NAMES = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]));

/** What a handler's signal says once its stream was reset with `code`. */
export function resetReason(code: number, reason: string): ConnectError {
  if (code === CONNECTION_LOST) return new ConnectError(`the connection was lost: ${reason}`, Code.Canceled);
  const name = NAMES.get(code) ?? "unknown";
  return new ConnectError(`http/2 stream closed with error code ${name} (0x${code.toString(16)})`, codeOf(code));
}

/** As gRPC maps the codes of HTTP/2 to its own. */
function codeOf(code: number): Code {
  switch (code) {
    case ErrorCode.NO_ERROR:
    case ErrorCode.CANCEL:
    case ErrorCode.STREAM_CLOSED:
      return Code.Canceled;
    case ErrorCode.REFUSED_STREAM:
      return Code.Unavailable;
    case ErrorCode.ENHANCE_YOUR_CALM:
      return Code.ResourceExhausted;
    case ErrorCode.INADEQUATE_SECURITY:
    case ErrorCode.HTTP_1_1_REQUIRED:
      return Code.PermissionDenied;
    default:
      return Code.Internal;
  }
}
