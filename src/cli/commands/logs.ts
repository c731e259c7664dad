import { command, EXIT, outJson } from "../command.ts";
import { connectionFlags, withPlatform } from "../connection.ts";
import { flag } from "../flags.ts";
import { integer, onOff } from "../kinds.ts";

export const logs = command({
  name: "logs",
  summary: "Show what a function's containers printed",
  takes: ["NAME"],
  flags: {
    follow: flag(onOff, false, "stay and show what is printed from now on", { short: "f" }),
    tail: flag(integer("COUNT", 0, 1_000_000), 0, "the last lines of each container only; 0 is all that is kept"),
    ...connectionFlags,
  },
  details: ["Each line tells when (UTC), in which container, and whether on stdout (|) or stderr (!)."],
  examples: ["logs hello", "logs hello -f --tail 20"],
  run({ values, rest: [functionName], io }) {
    return withPlatform(values, io, async ({ functions }) => {
      const request = { accountId: values.account, functionName, follow: values.follow, tailLines: values.tail };
      for await (const line of functions.streamLogs(request)) {
        const { nodeId, containerId, timestampMs, stream } = line;
        if (values.json) outJson(io, { timestampMs, nodeId, containerId, stream, line: line.line });
        else {
          const time = new Date(Number(timestampMs)).toISOString().slice(11);
          io.out(`${time} ${containerId.slice(-8)} ${stream === "stderr" ? "!" : "|"} ${line.line}\n`);
        }
      }
      return EXIT.ok;
    });
  },
});
