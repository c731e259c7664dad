/** The page's look, light or dark as the reader's system is. */

/** Colours that also those tell apart who do not see red and green; there are as many as `p` variables below. */
export const POLICY_COLORS = 12;

export const PAGE_STYLE = `
:root { color-scheme: light dark;
  --ground: #fbfaf8; --card: #ffffff; --ink: #22262b; --soft: #646b74; --line: #e3e0da; --grid: #edeae4;
  --p0: #6b7280; --p1: #0072b2; --p2: #d55e00; --p3: #009e73; --p4: #b8518f; --p5: #b07d00; --p6: #3aa0d8; --p7: #7a5cc0;
  --p8: #7f8f1f; --p9: #c0392b; --p10: #1f8a8a; --p11: #8c564b;
  --busy: #0072b2; --idle: #bcd7e8; --starting: #d55e00; --good: #1a7f4b; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #15181c; --card: #1c2025; --ink: #e6e4df; --soft: #9aa2ac; --line: #31363d; --grid: #272c32;
  --p0: #9aa2ac; --p1: #4aa8e0; --p2: #f08a45; --p3: #3cc79b; --p4: #df86bd; --p5: #e0b040; --p6: #8fd0f5; --p7: #a992ea;
  --p8: #bccb55; --p9: #ff7b6b; --p10: #55c7c7; --p11: #c99a8d;
  --busy: #4aa8e0; --idle: #2d4a5d; --starting: #f08a45; --good: #56c98a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 0 0 2px; } h3 { font-size: 14px; margin: 18px 0 2px; }
p { margin: 0 0 12px; color: var(--soft); max-width: 95ch; } p b { color: var(--ink); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; margin-top: 18px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 13.5px; }
th, td { text-align: right; padding: 5px 7px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; font-size: 12px; line-height: 1.25; white-space: normal; vertical-align: bottom; } th:first-child, td:first-child { text-align: left; }
tr:last-child td { border-bottom: 0; } td.best { color: var(--good); font-weight: 650; } tr.floor td { color: var(--soft); }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 7px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); font-size: 13px; margin: 4px 0 8px; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); } svg text.strong { fill: var(--ink); font-weight: 600; }
.grid { stroke: var(--grid); stroke-width: 1; } .axis { stroke: var(--line); stroke-width: 1; } .one { stroke: var(--soft); stroke-dasharray: 4 4; }
.nodes { fill: var(--p7); fill-opacity: .35; stroke: var(--p7); } .busy { fill: var(--busy); } .idle { fill: var(--idle); } .starting { fill: var(--starting); }
.bed { fill: var(--grid); }
`;

/** The colour of the policy at this place of the comparison. */
export function policyColor(at: number): string {
  return `var(--p${at % POLICY_COLORS})`;
}
