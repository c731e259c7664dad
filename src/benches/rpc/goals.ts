/** What is aimed at: ratios of one server's figure to another's, in the same run. */
import type { ServerFigures, ServerName } from "./figures.ts";

export interface Goal {
  readonly name: string;
  readonly figure: (figures: ServerFigures) => number | undefined;
  readonly of: ServerName;
  readonly to: ServerName;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const perSecond = ({ pairs }: ServerFigures) => pairs.perSecond;
const p99 = ({ pairs }: ServerFigures) => pairs.p99Us;
const lastReply = ({ burst }: ServerFigures) => burst.bestMs;
const byH2load = ({ h2load }: ServerFigures) => h2load?.perSecond;
const cpu = ({ pairs }: ServerFigures) => pairs.cpuUsPerCall;

export const GOALS: readonly Goal[] = [
  { name: "calls/s, ours to the adapter", figure: perSecond, of: "own", to: "adapter", atLeast: 25 },
  { name: "calls/s, ours to grpc-go's empty handler", figure: perSecond, of: "own", to: "grpc-go", atLeast: 1 },
  { name: "p99, ours to the adapter", figure: p99, of: "own", to: "adapter", atMost: 1 / 10 },
  { name: "last reply of the burst, ours to the adapter", figure: lastReply, of: "own", to: "adapter", atMost: 1 / 15 },
  { name: "calls/s by h2load, ours to the adapter", figure: byH2load, of: "own", to: "adapter" },
  { name: "calls/s by h2load, ours to grpc-go", figure: byH2load, of: "own", to: "grpc-go" },
  { name: "processor time of a call, ours to grpc-go", figure: cpu, of: "own", to: "grpc-go" },
];

export interface Reached extends Pick<Goal, "name" | "atLeast" | "atMost"> {
  readonly value: number;
  readonly met: boolean;
}

/** The ratios of which both figures are there. */
export function reached(servers: readonly ServerFigures[]): Reached[] {
  return GOALS.flatMap(({ name, figure, of, to, atLeast, atMost }) => {
    const [one, other] = [of, to].map((wanted) => servers.find((server) => server.name === wanted));
    const [value, base] = [one, other].map((figures) => figures && figure(figures));
    if (value === undefined || !base) return [];
    const ratio = value / base;
    return [{ name, value: ratio, atLeast, atMost, met: ratio >= (atLeast ?? 0) && ratio <= (atMost ?? Infinity) }];
  });
}
