/**
 * Random sessions of a client and a server: all bytes of all streams arrive, whatever the windows and chunks.
 * `SEED=<n> deno test -A src/rpc/http2/session_test.ts` runs others, or those that failed again.
 */
import fc from "fast-check";
import { seededRandom } from "../../base/mod.ts";
import { runSession } from "./session_testing.ts";

const seed = Number(Deno.env.get("SEED") ?? 1);

const shape = fc.record({
  streams: fc.integer({ min: 1, max: 20 }),
  bodyBytesMax: fc.constantFrom(1, 1000, 100_000),
  streamWindowBytes: fc.oneof(fc.integer({ min: 100, max: 5000 }), fc.constantFrom(16_384, 65_535, 1_000_000)),
  connectionWindowBytes: fc.constantFrom(65_535, 70_000, 1_000_000, 32_000_000),
  chunkBytesMax: fc.constantFrom(1, 100, 20_000, 200_000),
}).filter((shape) => shape.streamWindowBytes <= shape.connectionWindowBytes);

for (const trouble of [false, true]) {
  const name = trouble ? "with resets, early answers, full sockets and shrinking windows" : "in peace";
  Deno.test(`session: any streams through any windows, ${name}`, () => {
    const property = fc.property(
      shape,
      fc.nat(),
      (shape, seed) => runSession({ ...shape, trouble }, seededRandom(seed)),
    );
    fc.assert(property, { seed, numRuns: 40 });
  });
}
