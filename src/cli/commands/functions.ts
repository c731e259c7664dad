import { command, EXIT, outJson } from "../command.ts";
import { CALL_TIMEOUT_MS, connectionFlags, withPlatform } from "../connection.ts";
import { flag } from "../flags.ts";
import { onOff } from "../kinds.ts";
import { table } from "../table.ts";
import { formatAge, formatDuration, formatSize } from "../units.ts";
import { UsageError } from "../usage_error.ts";
import { describe } from "./function_view.ts";

const options = { timeoutMs: CALL_TIMEOUT_MS };

export const list = command({
  name: "list",
  summary: "List the functions there are",
  takes: [],
  flags: { allAccounts: flag(onOff, false, "those of every account"), ...connectionFlags },
  examples: ["list", "list --json"],
  run({ values, io }) {
    return withPlatform(values, io, async ({ api }) => {
      const reply = await api.listFunctions({}, options);
      const functions = reply.functions
        .filter((one) => values.allAccounts || one.accountId === values.account)
        .map(({ accountId, functionName, version, memoryInBytes, timeoutInMs, handler }) => ({
          accountId,
          functionName,
          version: Number(version),
          memoryBytes: Number(memoryInBytes),
          timeoutMs: Number(timeoutInMs),
          handler,
        }));
      if (values.json) outJson(io, { functions });
      else if (functions.length === 0) io.out("no functions yet\n");
      else {
        const rows = functions.map((one) => [
          one.functionName,
          String(one.version),
          formatSize(one.memoryBytes),
          formatDuration(one.timeoutMs),
          one.handler || "-",
          ...(values.allAccounts ? [one.accountId] : []),
        ]);
        const headings = [
          "NAME",
          "VERSION",
          "MEMORY",
          "TIMEOUT",
          "HANDLER",
          ...(values.allAccounts ? ["ACCOUNT"] : []),
        ];
        io.out(table(headings, rows, ["VERSION", "MEMORY", "TIMEOUT"]));
      }
      return EXIT.ok;
    });
  },
});

export const versions = command({
  name: "versions",
  summary: "List the versions of a function, newest first",
  takes: ["NAME"],
  flags: connectionFlags,
  examples: ["versions hello"],
  run({ values, rest: [functionName], io }) {
    return withPlatform(values, io, async ({ functions }) => {
      const reply = await functions.listVersions({ accountId: values.account, functionName }, options);
      const found = reply.versions.map(describe);
      if (values.json) outJson(io, { versions: found });
      else {
        const rows = found.map((one) => [
          String(one.version),
          one.active ? "active" : "-",
          formatAge(Date.now() - one.createdAtMs),
          formatSize(one.codeSizeBytes),
          formatSize(one.memoryBytes),
          formatDuration(one.timeoutMs),
          one.codeHash.slice(0, 12),
        ]);
        const headings = ["VERSION", "STATE", "AGE", "CODE", "MEMORY", "TIMEOUT", "HASH"];
        io.out(table(headings, rows, ["VERSION", "AGE", "CODE", "MEMORY", "TIMEOUT"]));
      }
      return EXIT.ok;
    });
  },
});

export const rollback = command({
  name: "rollback",
  summary: "Make an earlier version of a function the active one",
  takes: ["NAME", "VERSION"],
  flags: connectionFlags,
  details: ["Code and settings of that version become the next version: numbers only go up."],
  examples: ["rollback hello 3"],
  async run({ values, rest: [functionName, text], io }) {
    const version = Number(text);
    if (!/^\d+$/.test(text) || !(version >= 1 && Number.isSafeInteger(version))) {
      throw new UsageError(`VERSION is "${text}", must be a whole number from 1; see: versions ${functionName}`);
    }
    return await withPlatform(values, io, async ({ functions }) => {
      const request = { accountId: values.account, functionName, version: BigInt(version) };
      const reply = await functions.activateVersion(request, options);
      if (values.json) outJson(io, { function: describe(reply.function!) });
      else io.out(`${functionName} is at version ${reply.function!.version} now, the same as version ${version}\n`);
      return EXIT.ok;
    });
  },
});

export const rm = command({
  name: "rm",
  summary: "Remove a function with all its versions",
  takes: ["NAME"],
  flags: connectionFlags,
  examples: ["rm hello"],
  run({ values, rest: [functionName], io }) {
    return withPlatform(values, io, async ({ functions }) => {
      const reply = await functions.removeFunction({ accountId: values.account, functionName }, options);
      const count = Number(reply.versionsRemoved);
      if (values.json) outJson(io, { functionName, versionsRemoved: count });
      else io.out(`removed ${functionName} (${count} ${count === 1 ? "version" : "versions"})\n`);
      return EXIT.ok;
    });
  },
});
