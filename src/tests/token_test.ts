import { assertEquals, assertStringIncludes } from "@std/assert";
import * as grpc from "@grpc/grpc-js";
import { invokeByGrpcJs } from "./grpc_js.ts";
import { callJson, cli, type Platform, withPlatform } from "./program.ts";

const INVOKE = "apiserverproto.APIServer/InvokeFunction";
const event = new TextEncoder().encode('{"name":"Ada"}');

Deno.test("a token protects every port and protocol, and only then may a function reach this machine", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
  const token = "0123456789abcdef0123456789abcdef";
  await Deno.writeTextFile(`${folder}/token`, token, { mode: 0o600 });
  const probe = `${folder}/probe.ts`;
  await Deno.writeTextFile(
    probe,
    `export async function handler({ url }) {
      return await fetch(url).then((r) => r.status, (error) => error.name);
    }`,
  );
  const deploy = ({ ready }: Platform, ...flags: string[]) =>
    cli("deploy", probe, `--server=${ready.apiserver}`, ...flags);
  const reach = async ({ ready, scheduler }: Platform, ...flags: string[]) => {
    const request = `--event=${JSON.stringify({ url: `${scheduler}/any` })}`;
    const { out, err } = await cli("invoke", "probe", `--server=${ready.apiserver}`, request, ...flags);
    assertEquals(err, "");
    return out.trim();
  };
  try {
    await withPlatform([`--token-file=${folder}/token`], async (platform) => {
      await t.step("without it nothing but health answers", async () => {
        for (const url of [platform.url, platform.scheduler, `http://${platform.ready.resourcemanager}`]) {
          assertEquals((await fetch(`${url}/healthz`)).status, 200);
          assertEquals((await callJson(url, INVOKE, {})).code, "unauthenticated");
        }
        for (const authorization of [[], [["authorization", "Bearer wrong"]]] as [string, string][][]) {
          const response = await fetch(`${platform.url}/fn/hello`, { headers: authorization });
          assertEquals([response.status, (await response.json()).code], [401, "unauthenticated"]);
        }
        assertEquals((await invokeByGrpcJs(platform, "hello", event)).code, grpc.status.UNAUTHENTICATED);
        const { code, err } = await cli("ps", `--server=${platform.ready.apiserver}`);
        assertEquals([code, /unauthenticated.*--token-file/.test(err)], [1, true], err);
      });

      await t.step("with it everything does", async () => {
        const headers = { authorization: `Bearer ${token}` };
        assertEquals(await (await fetch(`${platform.url}/fn/hello?name=Ada`, { headers })).text(), "Hello, Ada!\n");
        const metadata = new grpc.Metadata();
        metadata.set("authorization", `Bearer ${token}`);
        assertEquals((await invokeByGrpcJs(platform, "hello", event, metadata)).body, "Hello, Ada!\n");
      });

      await t.step("a function that may connect to the scheduler is refused there for want of the token", async () => {
        const flag = `--token-file=${folder}/token`;
        assertEquals((await deploy(platform, flag, `--allow-net=${platform.ready.scheduler}`)).code, 0);
        assertEquals(await reach(platform, flag), "401");
      });
    });
    await t.step("without a token it does not even reach it", async () => {
      await withPlatform([], async (platform) => {
        const refused = await deploy(platform, `--allow-net=${platform.ready.scheduler}`);
        assertEquals(refused.code, 1);
        assertStringIncludes(refused.err, "failed_precondition: allow_net has");
        assertEquals((await deploy(platform)).code, 0);
        assertEquals(await reach(platform), "NotCapable");
      });
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
