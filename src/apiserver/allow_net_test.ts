import { assertThrows } from "@std/assert";
import { PlatformError } from "../base/mod.ts";
import { checkAllowNet } from "./allow_net.ts";

const LOOPBACK = ["*", "localhost", "LocalHost:80", "api.localhost", "127.0.0.1", "127.0.0.1:10500", "127.9.9.9"]
  .concat(["127.1", "0x7f000001", "2130706433", "0.0.0.0", "0.0.0.0:80", "0", "[::1]", "[::1]:443", "[::]"])
  .concat(["[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "[0:0:0:0:0:0:0:1]", "localhost."]);
const OTHERS = ["example.com", "example.com:443", "10.0.0.1", "[2001:db8::1]:80", "1.1.1.1", "my_host", "128.0.0.1"];

for (const host of LOOPBACK) {
  Deno.test(`allow_net ${host} needs a platform with a token`, () => {
    const error = assertThrows(() => checkAllowNet([host], false), PlatformError, JSON.stringify(host));
    if (error.code !== "failed_precondition") throw error;
    checkAllowNet([host], true);
  });
}

for (const host of OTHERS) {
  Deno.test(`allow_net ${host} needs no token`, () => checkAllowNet([host], false));
}
