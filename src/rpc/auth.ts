import { createHash, timingSafeEqual } from "node:crypto";
import { PlatformError } from "../base/mod.ts";

/** Throws `unauthenticated` unless the value of an `authorization` header is the one allowed. */
export type CheckAuthorization = (authorization: string | null) => void;

/**
 * Checks for `Bearer <token>`, in a time that tells nothing about how much of it was right; without a token
 * everything is allowed.
 */
export function createAuth(token: string | undefined): CheckAuthorization {
  if (token === undefined) return () => {};
  const expected = digest(token);
  return (authorization) => {
    if (!authorization) {
      throw new PlatformError("unauthenticated", "authorization is missing, must be Bearer with this platform's token");
    }
    const given = /^bearer +(\S+) *$/i.exec(authorization)?.[1];
    if (given === undefined) {
      throw new PlatformError("unauthenticated", "authorization is of another kind, must be Bearer with a token");
    }
    if (!timingSafeEqual(digest(given), expected)) {
      throw new PlatformError("unauthenticated", "authorization has a token that is not this platform's");
    }
  };
}

/** Digests have one length, so that the comparison does not tell the token's. */
function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
