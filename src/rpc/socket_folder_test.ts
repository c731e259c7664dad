import { assertEquals } from "@std/assert";
import { makeSocketFolder, removeStaleFolders } from "./socket_folder.ts";

Deno.test("folders of killed processes are cleared away; those in use, fresh ones and strangers stay", async () => {
  const root = await Deno.makeTempDir();
  const [dead, live, fresh] = [makeSocketFolder(root), makeSocketFolder(root), makeSocketFolder(root)];
  await Deno.mkdir(root + "/other");
  Deno.listen({ transport: "unix", path: dead.socketPath }).close();
  const listener = Deno.listen({ transport: "unix", path: live.socketPath });
  const folderOf = (socketPath: string) => socketPath.slice(0, socketPath.lastIndexOf("/"));
  const old = new Date(Date.now() - 60_000);
  for (const folder of [folderOf(dead.socketPath), folderOf(live.socketPath), root + "/other"]) {
    await Deno.utime(folder, old, old);
  }
  await removeStaleFolders(root);
  const left = [...Deno.readDirSync(root)].map(({ name }) => `${root}/${name}`).sort();
  assertEquals(left, [folderOf(live.socketPath), folderOf(fresh.socketPath), root + "/other"].sort());
  assertEquals((await Deno.stat(folderOf(live.socketPath))).mode! & 0o777, 0o700);
  listener.close();
  await Deno.remove(root, { recursive: true });
});
