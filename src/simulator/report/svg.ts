/** Small pieces of SVG as text. Colours come as classes or variables of the page's style, so that it can be dark. */

/** Text made safe inside of elements and attributes. */
export function escapeText(text: string): string {
  return text.replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** A number with at most two decimals: pictures need no more. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One element; `content` is SVG already. Numbers are shortened, what is undefined is left out. */
export function element(name: string, attributes: Attributes, content = ""): string {
  const parts = Object.entries(attributes).flatMap(([key, value]) => {
    if (value === undefined) return [];
    return [` ${key}="${typeof value === "number" ? short(value) : escapeText(value)}"`];
  });
  return content === "" ? `<${name}${parts.join("")}/>` : `<${name}${parts.join("")}>${content}</${name}>`;
}

/** A line of text at a point. */
export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element("text", { x, y, ...attributes }, escapeText(text));
}

/** What shows while the pointer rests on an element. */
export function tip(text: string): string {
  return `<title>${escapeText(text)}</title>`;
}

/** A whole picture that is as wide as its place allows; `title` is what it is called where it cannot be seen. */
export function picture(width: number, height: number, title: string, content: string): string {
  const attributes = { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title };
  return element("svg", { ...attributes, style: `max-width:${width}px` }, content);
}

/** Maps values to places on a picture. */
export type Scale = (value: number) => number;

export function linear(from: number, to: number, start: number, end: number): Scale {
  const perUnit = to === from ? 0 : (end - start) / (to - from);
  return (value) => start + (Math.min(to, Math.max(from, value)) - from) * perUnit;
}

/** Each factor of ten takes the same length; what is outside stands at the edge. */
export function logarithmic(from: number, to: number, start: number, end: number): Scale {
  const scale = linear(Math.log(from), Math.log(to), start, end);
  return (value) => scale(Math.log(Math.max(from, value)));
}

/** About `count` round numbers from 0 to `max`. */
export function ticks(max: number, count = 4): number[] {
  if (!(max > 0)) return [0];
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999)!;
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** About `count` moments from 0 to `maxMs` that a clock would show. */
export function timeTicks(maxMs: number, count = 6): number[] {
  const steps = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1e3,
    2e3,
    5e3,
    1e4,
    15e3,
    3e4,
    6e4,
    12e4,
    3e5,
    6e5,
    9e5,
    18e5,
    36e5,
  ];
  steps.push(72e5, 144e5, 216e5, 864e5, 1728e5);
  const step = steps.find((ms) => maxMs / ms <= count) ?? steps[steps.length - 1];
  return Array.from({ length: Math.floor(maxMs / step + 1e-9) + 1 }, (_, i) => i * step);
}
