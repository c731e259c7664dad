/** The fuzzer in brief; `src/rpc/http2/fuzz/main.ts` is the long form. */
import { assert } from "@std/assert";
import { fuzzCase } from "./fuzzer.ts";

Deno.test("fuzz: hostile bytes never do more than end their connection", () => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 400; seed++) {
    try {
      outcomes.add(fuzzCase(seed));
    } catch (error) {
      throw new Error(`replay: deno run src/rpc/http2/fuzz/main.ts --seed ${seed} --cases 1`, { cause: error });
    }
  }
  // It gets to places: connections that live on, and many kinds of ends.
  assert(outcomes.has("server: open") && outcomes.has("client: open") && outcomes.size > 15, [...outcomes].join(", "));
});
