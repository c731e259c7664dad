import { assertEquals } from "@std/assert";
import { type Hash64, hashText } from "./hash.ts";

Deno.test("200,000 ids that differ in a digit have 200,000 hashes, spread evenly over buckets", () => {
  const hash: Hash64 = { lo: 0, hi: 0 };
  const seen = new Set<bigint>();
  const low = new Int32Array(64), high = new Int32Array(64);
  const ids = 200_000;
  for (let i = 0; i < ids; i++) {
    hashText(`request-${i}`, hash);
    seen.add(BigInt(hash.hi >>> 0) << 32n | BigInt(hash.lo >>> 0));
    low[hash.lo & 63]++;
    high[hash.hi & 63]++;
  }
  assertEquals(seen.size, ids);
  for (const counts of [low, high]) {
    for (const count of counts) assertEquals(Math.abs(count - ids / 64) < ids / 64 / 4, true, `bucket of ${count}`);
  }
});

Deno.test("ids of one length that differ in any one place have hashes of their own, whatever the length", () => {
  const hash: Hash64 = { lo: 0, hi: 0 };
  for (let length = 0; length <= 40; length++) {
    const seen = new Set<string>();
    const ids = ["0".repeat(length)];
    for (let place = 0; place < length; place++) {
      for (const unit of "19af-\u0101\uffff") ids.push(`${"0".repeat(place)}${unit}${"0".repeat(length - place - 1)}`);
    }
    for (const id of ids) {
      hashText(id, hash);
      seen.add(`${hash.lo} ${hash.hi}`);
    }
    assertEquals(seen.size, ids.length);
  }
});

Deno.test("half of the bits change with any one bit of an id", () => {
  const hash: Hash64 = { lo: 0, hi: 0 };
  const bits = (word: number) => (word >>> 0).toString(2).replaceAll("0", "").length;
  for (let length = 1; length <= 36; length++) {
    for (let place = 0; place < length; place++) {
      let changed = 0;
      for (let n = 0; n < 64; n++) {
        const units = Array.from({ length }, (_, i) => 48 + (n * 7 + i * 3) % 64);
        const { lo, hi } = hashText(String.fromCharCode(...units), hash);
        units[place] ^= 1 << n % 7;
        hashText(String.fromCharCode(...units), hash);
        changed += bits(lo ^ hash.lo) + bits(hi ^ hash.hi);
      }
      // 32 of 64 on average; the mean of 64 tries is within 4 of that unless something is wrong.
      assertEquals(Math.abs(changed / 64 - 32) < 4, true, `length ${length}, place ${place}: ${changed / 64} bits`);
    }
  }
});
