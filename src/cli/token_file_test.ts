import { assertEquals, assertThrows } from "@std/assert";
import { withFolder } from "./testing.ts";
import { readTokenFile } from "./token_file.ts";
import { UsageError } from "./usage_error.ts";

Deno.test("a token file that only its owner reads is taken, without the line end", async () => {
  await withFolder({ token: "abc-123\n" }, async (folder) => {
    for (const mode of [0o600, 0o400]) {
      await Deno.chmod(`${folder}/token`, mode);
      assertEquals(readTokenFile("token", folder), "abc-123");
    }
  });
});

Deno.test("a token file that others may read is refused, with what to do", async () => {
  await withFolder({ token: "abc" }, async (folder) => {
    for (const mode of [0o644, 0o640, 0o604, 0o660]) {
      await Deno.chmod(`${folder}/token`, mode);
      const error = assertThrows(() => readTokenFile("token", folder), UsageError);
      assertEquals(
        error.message,
        `token file token has mode ${mode.toString(8)}, others must not read it: chmod 600 token`,
      );
    }
  });
});

Deno.test("a token file without one token is refused", async () => {
  const files = { empty: "", blank: " \n", two: "one two", lines: "one\ntwo", long: "x".repeat(4_097), odd: "sécret" };
  await withFolder(files, async (folder) => {
    for (const [name, content] of Object.entries(files)) {
      await Deno.chmod(`${folder}/${name}`, 0o600);
      const says = content.trim() === ""
        ? "is empty, must hold the token"
        : "must hold one line of 1 to 4096 printable";
      assertThrows(() => readTokenFile(name, folder), UsageError, `token file ${name} ${says}`);
    }
    assertThrows(() => readTokenFile("missing", folder), UsageError, "token file missing cannot be read");
  });
});
