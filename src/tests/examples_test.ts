import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { cli, type Platform, withPlatform } from "./program.ts";

async function deploy(platform: Platform, name: string, ...flags: string[]): Promise<void> {
  const { code, err } = await cli("deploy", `src/examples/${name}`, `--server=${platform.ready.apiserver}`, ...flags);
  assertEquals(code, 0, err);
}

async function invoke(platform: Platform, name: string, event: unknown) {
  const { out, err, code } = await cli(
    "invoke",
    name,
    `--event=${JSON.stringify(event)}`,
    `--server=${platform.ready.apiserver}`,
  );
  return { out, err, code };
}

Deno.test("every example deploys and answers, by URL and by event", async (t) => {
  await withPlatform([], async (platform) => {
    const { url } = platform;

    await t.step("hello is there from the start, and greets both ways", async () => {
      assertEquals(await (await fetch(`${url}/fn/hello?name=Ada`)).text(), "Hello, Ada!\n");
      assertEquals((await invoke(platform, "hello", { name: "Bob" })).out, "Hello, Bob!\n");
    });

    await t.step("cpu counts primes both ways", async () => {
      await deploy(platform, "cpu");
      assertEquals(JSON.parse((await invoke(platform, "cpu", { below: 100 })).out), { below: 100, primes: 25 });
      const response = await fetch(`${url}/fn/cpu`, { method: "POST", body: '{"below":10}' });
      assertEquals(await response.json(), { below: 10, primes: 4 });
      assertEquals(response.headers.get("content-type"), "application/json");
    });

    await t.step("memory takes what it may, is stopped beyond it, and works again afterwards", async () => {
      await deploy(platform, "memory", "--memory=128MiB");
      assertEquals(JSON.parse((await invoke(platform, "memory", { mib: 16 })).out).mib, 16);
      const { code, err } = await invoke(platform, "memory", { mib: 512 });
      assertEquals(code, 1);
      assertStringIncludes(err, 'Function "memory" used more than its 128 MiB of memory');
      assertEquals(JSON.parse((await invoke(platform, "memory", { mib: 16 })).out).mib, 16);
    });

    await t.step("sleep shares a container, and is stopped at its timeout", async () => {
      await deploy(platform, "sleep", "--concurrency=50", "--timeout=2s");
      const slept = await Promise.all(Array.from({ length: 20 }, async () => {
        const response = await fetch(`${url}/fn/sleep`, { method: "POST", body: '{"ms":100}' });
        return (await response.json()).sleptMs;
      }));
      assertEquals(slept, Array(20).fill(100));
      const late = await fetch(`${url}/fn/sleep`, { method: "POST", body: '{"ms":60000}' });
      assertEquals(late.status, 504);
      assertMatch((await late.json()).message, /ran longer than its 2000 ms/);
    });

    await t.step("stream sends lines as they come, and pieces back while they still come in", async () => {
      await deploy(platform, "stream");
      assertEquals(await (await fetch(`${url}/fn/stream?lines=3&every=1`)).text(), "1\n2\n3\n");
      const pieces = new TransformStream<Uint8Array, Uint8Array>();
      const writer = pieces.writable.getWriter();
      const answer = fetch(`${url}/fn/stream`, { method: "POST", body: pieces.readable });
      const encoder = new TextEncoder(), decoder = new TextDecoder();
      await writer.write(encoder.encode("one"));
      const reader = (await answer).body!.getReader();
      assertEquals(decoder.decode((await reader.read()).value), "ONE");
      await writer.write(encoder.encode("two"));
      assertEquals(decoder.decode((await reader.read()).value), "TWO");
      await writer.close();
      assertEquals((await reader.read()).done, true);
    });
  });
});
