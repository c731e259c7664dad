import { assertEquals } from "@std/assert";
import { hintCurl, hintFlags } from "./hints.ts";

Deno.test("what is as by default is left out of what a person is told to type", () => {
  const where = { server: "127.0.0.1:10500", tokenFile: undefined, tlsCa: undefined, account: "default" };
  assertEquals([hintFlags(where), hintCurl(where)], ["", "curl -s"]);
});

Deno.test("what a platform asks for stands in what a person is told to type", () => {
  const where = { server: "127.0.0.1:7", tokenFile: "/run/token", tlsCa: "/run/ca.pem", account: "shop" };
  assertEquals(hintFlags(where), " --server 127.0.0.1:7 --tls-ca /run/ca.pem --token-file /run/token --account shop");
  assertEquals(
    hintCurl(where),
    `curl -s --cacert /run/ca.pem -H "authorization: Bearer $(cat /run/token)" -H 'x-minifaas-account: shop'`,
  );
});
