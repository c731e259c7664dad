/**
 * What makes a request or answer malformed (RFC 9113, 8): checked on every header block before anyone sees it, since
 * what is lax here becomes request smuggling where the message travels on.
 */
import { MalformedMessage } from "./faults.ts";
import type { Fields } from "./types.ts";

/** No content-length was given. */
export const LENGTH_UNKNOWN = -1;

/** Marks the characters of a field's name: `token` of RFC 9110, 5.6.2, without upper case. */
const NAME_CHARACTERS = characterTable("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");

/**
 * Checks a request's fields and tells its content-length, or {@linkcode LENGTH_UNKNOWN}.
 * @throws MalformedMessage naming what is wrong
 */
export function checkRequest(fields: Fields): number {
  let method: string | undefined, scheme: string | undefined, path: string | undefined, authority: string | undefined;
  let i = 0;
  for (; i < fields.length && fields[i].charCodeAt(0) === COLON; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    let before: string | undefined;
    switch (name) {
      case ":method":
        before = method;
        method = value;
        break;
      case ":path":
        before = path;
        path = value;
        break;
      case ":scheme":
        before = scheme;
        scheme = value;
        break;
      case ":authority":
        before = authority;
        authority = value;
        break;
      default:
        throw new MalformedMessage(`a request cannot have the pseudo-header ${show(name)}`);
    }
    if (before !== undefined) throw new MalformedMessage(`${name} comes twice`);
    checkPseudo(name, value);
  }
  if (!method) throw new MalformedMessage(":method is missing");
  if (method !== "POST" && method !== "GET" && !TOKEN.test(method)) throw new MalformedMessage(":method is no token");
  if (method === "CONNECT") {
    if (scheme !== undefined || path !== undefined) throw new MalformedMessage("CONNECT has no :scheme and no :path");
    if (!authority) throw new MalformedMessage("CONNECT needs an :authority");
  } else {
    if (!scheme) throw new MalformedMessage(":scheme is missing");
    if (scheme !== "http" && scheme !== "https" && !SCHEME.test(scheme)) throw new MalformedMessage(":scheme is none");
    if (!path) throw new MalformedMessage(":path is missing or empty");
    if (path.charCodeAt(0) !== SLASH && !(path === "*" && method === "OPTIONS")) {
      throw new MalformedMessage(":path does not begin with /");
    }
  }
  if (authority !== undefined) checkAuthority(":authority", authority);
  return checkRegular(fields, i, authority, true);
}

/** RFC 9110, 5.6.2; methods are in upper case by custom only. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 3986, 3.1. */
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;

/** What an answer's fields say. */
export interface AnswerShape {
  /** 100 to 599. */
  status: number;
  /** Bytes of the body, or {@linkcode LENGTH_UNKNOWN}. */
  contentLength: number;
}

/**
 * Checks an answer's fields.
 * @throws MalformedMessage naming what is wrong
 */
export function checkAnswer(fields: Fields): AnswerShape {
  if (fields[0] !== ":status") throw new MalformedMessage("an answer begins with :status");
  const text = fields[1];
  const status = text.length === 3 ? digits(text) : -1;
  if (status < 100) throw new MalformedMessage(`:status is ${show(text)}, must be three digits`);
  // There is no switching of protocols in HTTP/2 (RFC 9113, 8.6).
  if (status === 101) throw new MalformedMessage(":status is 101, which HTTP/2 does not have");
  if (fields.length > 2 && fields[2].charCodeAt(0) === COLON) {
    throw new MalformedMessage(`an answer cannot have the pseudo-header ${show(fields[2])} behind :status`);
  }
  return { status, contentLength: checkRegular(fields, 2, undefined, false) };
}

/**
 * Checks trailers of a request or an answer.
 * @throws MalformedMessage naming what is wrong
 */
export function checkTrailers(fields: Fields, ofRequest: boolean): void {
  checkRegular(fields, 0, undefined, ofRequest);
}

const COLON = 0x3a;
const SLASH = 0x2f;
const SPACE = 0x20;
const TAB = 0x09;
const DELETE = 0x7f;

/** Everything behind the pseudo-headers; the answer is the content-length. */
function checkRegular(fields: Fields, from: number, authority: string | undefined, strict: boolean): number {
  let contentLength = LENGTH_UNKNOWN;
  for (let i = from; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    checkName(name);
    checkValue(name, value, strict);
    switch (name) {
      case "te":
        if (value !== "trailers") throw new MalformedMessage(`te is ${show(value)}, must be trailers`);
        break;
      case "connection":
      case "keep-alive":
      case "proxy-connection":
      case "transfer-encoding":
      case "upgrade":
        throw new MalformedMessage(`${name} belongs to HTTP/1.1 connections`);
      case "host":
        if (authority === undefined && strict) checkAuthority(name, authority = value);
        if (authority !== undefined && authority !== value && authority.toLowerCase() !== value.toLowerCase()) {
          throw new MalformedMessage("host is not :authority");
        }
        break;
      case "content-length": {
        const length = digits(value);
        if (length < 0) throw new MalformedMessage(`content-length is ${show(value)}, must be a number`);
        if (contentLength >= 0 && contentLength !== length) {
          throw new MalformedMessage("there are two content-lengths, and they differ");
        }
        contentLength = length;
      }
    }
  }
  return contentLength;
}

function checkName(name: string): void {
  for (let i = 0; i < name.length; i++) {
    if (NAME_CHARACTERS[name.charCodeAt(i)] === 1) continue;
    if (i === 0 && name.charCodeAt(0) === COLON) {
      throw new MalformedMessage(`the pseudo-header ${show(name)} stands where none may`);
    }
    throw new MalformedMessage(`the name ${show(name)} has a character that is not allowed`);
  }
  if (name.length === 0) throw new MalformedMessage("a field has no name");
}

/**
 * RFC 9113, 8.2.1: no NUL, CR, LF; no blank at either end, except that answers may have one (`strict` is false), since
 * servers do send grpc-message so.
 */
function checkValue(name: string, value: string, strict = true): void {
  const length = value.length;
  if (length === 0) return;
  for (let i = 0; i < length; i++) {
    const character = value.charCodeAt(i);
    if (character <= 0x0d && (character === 0x0d || character === 0x0a || character === 0)) {
      throw new MalformedMessage(`the value of ${name} holds a line end or a zero byte`);
    }
  }
  if (strict && (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(length - 1)))) {
    throw new MalformedMessage(`the value of ${name} begins or ends with a blank`);
  }
}

/** No URL, method or scheme holds a blank: where the request travels on in HTTP/1.1, it would end the word. */
function checkPseudo(name: string, value: string): void {
  for (let i = 0; i < value.length; i++) {
    const character = value.charCodeAt(i);
    if (character <= SPACE || character === DELETE) {
      throw new MalformedMessage(`${name} holds a blank or a control character`);
    }
  }
}

/**
 * RFC 9113, 8.3.1: a host and a port. Were there room for more, a URL put together of it and :path would have another
 * path than :path, or a user's name.
 */
function checkAuthority(name: string, value: string): void {
  if (value === "") throw new MalformedMessage(`${name} is empty`);
  for (let i = 0; i < value.length; i++) {
    switch (value.charCodeAt(i)) {
      case SPACE:
      case TAB:
      case 0x23: // #
      case 0x2f: // slash
      case 0x3f: // ?
      case 0x40: // @
      case 0x5c: // backslash
        throw new MalformedMessage(`${name} is ${show(value)}, must be a host and a port at most`);
    }
  }
}

function isBlank(character: number): boolean {
  return character === SPACE || character === TAB;
}

/** The number that `text` writes, or -1; longer ones than 15 digits are no longer exact, and no body is that long. */
function digits(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let number = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** Characters past the table read as undefined, which is not 1. */
function characterTable(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

function show(text: string): string {
  return JSON.stringify(text.length > 40 ? text.slice(0, 37) + "..." : text);
}
