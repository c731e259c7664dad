/** Reports: policies side by side, as data, JSON and a page. */
export * from "./comparison.ts";
export { formatCount, formatMs, formatRatio } from "./format.ts";
export { type ComparisonJson, comparisonJson } from "./json.ts";
export { reportPage } from "./page.ts";
