import { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

/** A kind of value that a flag, a variable or a key of the config file may have. */
export interface Kind<T> {
  /** Stands for the value in help: `SIZE`. Empty for a switch, which takes none. */
  readonly placeholder: string;
  /** Completes "must be …". */
  readonly allowed: string;
  /** Undefined where `text` is no such value. */
  parse(text: string): T | undefined;
  format(value: T): string;
}

/** Any text but none at all. */
export function text(placeholder: string, allowed = "some text"): Kind<string> {
  return { placeholder, allowed, parse: (value) => value === "" ? undefined : value, format: (value) => value };
}

/** On or off: `--json`, `--json=false`. */
export const onOff: Kind<boolean> = {
  placeholder: "",
  allowed: "true or false",
  parse: (value) => value === "true" ? true : value === "false" ? false : undefined,
  format: String,
};

/** One of a few words. */
export function choice<T extends string>(placeholder: string, words: readonly T[]): Kind<T> {
  const allowed = `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  return { placeholder, allowed, parse: (value) => words.find((word) => word === value), format: String };
}

/** A whole number in `[min, max]`. */
export function integer(placeholder: string, min: number, max: number): Kind<number> {
  return {
    placeholder,
    allowed: `a whole number from ${min} to ${max}`,
    parse: (value) => within(/^\d{1,15}$/.test(value) ? Number(value) : undefined, min, max),
    format: String,
  };
}

/** A number with a fraction in `[min, max]`. */
export function factor(min: number, max: number): Kind<number> {
  return {
    placeholder: "FACTOR",
    allowed: `a number from ${min} to ${max}`,
    parse: (value) => within(/^\d{1,9}(\.\d{1,9})?$/.test(value) ? Number(value) : undefined, min, max),
    format: String,
  };
}

/** Bytes, written with a unit or without. */
export function size(min: number, max: number): Kind<number> {
  return {
    placeholder: "SIZE",
    allowed: `a size like 512MiB or 1GiB, from ${formatSize(min)} to ${formatSize(max)}`,
    parse: (value) => within(parseSize(value), min, max),
    format: formatSize,
  };
}

/** Milliseconds, written with a unit. */
export function duration(minMs: number, maxMs: number): Kind<number> {
  return {
    placeholder: "TIME",
    allowed: `a time like 500ms, 30s or 5m, from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`,
    parse: (value) => within(parseDuration(value), minMs, maxMs),
    format: formatDuration,
  };
}

/** A TCP port; 0 is any free one. */
export const port: Kind<number> = integer("PORT", 0, 65_535);

const ENDPOINT = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})$/;

/** Where a service listens: `host:port`. */
export const endpoint: Kind<string> = {
  placeholder: "HOST:PORT",
  allowed: "host:port, like 127.0.0.1:10500",
  parse(value) {
    const port = Number(ENDPOINT.exec(value)?.[2] ?? 0);
    return port > 0 && port <= 65_535 ? value : undefined;
  },
  format: String,
};

const SECURE = "https://";

/** Where a person's commands find the platform: `host:port`, or `https://host:port` where it is TLS. */
export const server: Kind<string> = {
  placeholder: "HOST:PORT",
  allowed: "host:port or https://host:port, like 127.0.0.1:10500",
  parse: (value) => endpoint.parse(value.startsWith(SECURE) ? value.slice(SECURE.length) : value) && value,
  format: String,
};

/** Some of the same kind with commas between; the flag may also be given more than once. */
export function list<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    placeholder: `${kind.placeholder},…`,
    allowed: `${kind.allowed}; several with commas between`,
    parse(value) {
      const parts = value.split(",").map((part) => kind.parse(part.trim()));
      return parts.some((part) => part === undefined) ? undefined : parts as T[];
    },
    format: (values) => values.map(kind.format).join(","),
  };
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}
