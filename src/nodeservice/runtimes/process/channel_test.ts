import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import http from "node:http";
import { Channel } from "./channel.ts";

/** A channel whose requests are aborted so many microtasks after their answer began. */
class AbortedChannel extends Channel {
  readonly aborted = new AbortController();

  constructor(socketPath: string, private readonly microtasks: number) {
    super(socketPath);
  }

  override open(method: string, path: string, headers: Record<string, string>): http.ClientRequest {
    const request = super.open(method, path, headers);
    request.on("response", async () => {
      for (let n = 0; n < this.microtasks; n++) await Promise.resolve();
      this.aborted.abort();
    });
    return request;
  }
}

Deno.test("to give up while an answer is being read ends the request alone, not the process", async () => {
  const folder = await Deno.makeTempDir();
  const socketPath = join(folder, "s");
  const server = http.createServer((request, response) => {
    request.resume();
    response.end("[1]");
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const ends = new Set<string>();
  // An error that nobody listens for fails the test run, as it would end the agent.
  for (let microtasks = 0; microtasks < 24; microtasks++) {
    const channel = new AbortedChannel(socketPath, microtasks);
    const answer = channel.json("GET", "/", undefined, channel.aborted.signal);
    ends.add(await answer.then((value) => JSON.stringify(value), (error) => error.message));
    channel.close();
  }
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await Deno.remove(folder, { recursive: true });
  // Before it was read, or too late to matter.
  assert(ends.has("no answer in time"));
  assertEquals([...ends].filter((end) => end !== "no answer in time"), ["[1]"]);
});
