import { assertEquals } from "@std/assert";
import { NodeService } from "../../../gen/nodeservoceproto/nodeservice_pb.ts";
import { Scheduler } from "../../../gen/schedulerproto/scheduler_pb.ts";
import { Methods, RequestHead } from "./method.ts";

Deno.test("a request's head: the method's fields, then the timeout that is left", () => {
  const head = new RequestHead([":path", "/a/b"]);
  assertEquals(head.fields(Infinity), [":path", "/a/b"]);
  for (const leftMs of [250, 250, 100, 250]) {
    assertEquals(head.fields(leftMs), [":path", "/a/b", "grpc-timeout", `${leftMs}m`]);
  }
  assertEquals(head.with({ "x-trace": "1" }, false).fields(9), [":path", "/a/b", "x-trace", "1", "grpc-timeout", "9m"]);
  assertEquals(head.fields(Infinity), [":path", "/a/b"]);
});

Deno.test("methods are known by path, and by whether their answers hold bytes", () => {
  const methods = new Methods({ address: "peer:1", scheme: "https", token: "t" });
  const { head, keepsView } = methods.get(Scheduler.method.acquireContainer);
  assertEquals(head.fields(Infinity), [
    ...[":method", "POST", ":scheme", "https", ":path", "/schedulerproto.Scheduler/AcquireContainer"],
    ...[":authority", "peer:1", "te", "trailers", "content-type", "application/grpc"],
    ...["user-agent", "grpc-minifaas/0.1", "authorization", "Bearer t"],
  ]);
  assertEquals(keepsView, false);
  assertEquals(methods.get(NodeService.method.invokeFunction).keepsView, true);
  assertEquals(methods.get(Scheduler.method.acquireContainer).head, head);
});
