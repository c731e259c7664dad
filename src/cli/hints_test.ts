import { assertEquals } from "@std/assert";
import { hintCurl, hintFlags } from "./hints.ts";

Deno.test("what is as by default is left out of what a person is told to type", () => {
  const where = { server: "127.0.0.1:10500", tokenFile: undefined, account: "default" };
  assertEquals([hintFlags(where), hintCurl(where)], ["", "curl -s"]);
});

Deno.test("what a platform asks for stands in what a person is told to type", () => {
  const where = { server: "127.0.0.1:7", tokenFile: "/run/token", account: "shop" };
  assertEquals(hintFlags(where), " --server 127.0.0.1:7 --token-file /run/token --account shop");
  assertEquals(
    hintCurl(where),
    `curl -s -H "authorization: Bearer $(cat /run/token)" -H 'x-minifaas-account: shop'`,
  );
});
