import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type LabelPlace, placeLabels } from "./labels.ts";

const FRAME = { left: 0, right: 1_000, top: 0, bottom: 400 };
const box = ({ x, y, width }: LabelPlace) => ({ left: x, right: x + width, top: y - 11, bottom: y + 3 });

Deno.test("a name stands right of its point, or left of it at the right edge", () => {
  const [one, two] = placeLabels([{ x: 100, y: 50, text: "one" }, { x: 990, y: 200, text: "two" }], FRAME);
  assert(one.x > 100 && !one.isFar);
  assert(two.x + two.width < 990 && !two.isFar);
});

Deno.test("names of points that lie together do not lie on one another", () => {
  const point = fc.record({ x: fc.integer({ min: 400, max: 600 }), y: fc.integer({ min: 150, max: 250 }) });
  fc.assert(fc.property(fc.array(point, { maxLength: 7 }), (points) => {
    const boxes = placeLabels(points.map((one, i) => ({ ...one, text: `policy-${i}` })), FRAME).map(box);
    boxes.forEach((a, i) => {
      assert(a.left >= 0 && a.right <= 1_000 && a.top >= 0 && a.bottom <= 400);
      for (const b of boxes.slice(i + 1)) {
        assert(a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top);
      }
    });
  }));
});

Deno.test("where there is no room at all a name stands at its point all the same", () => {
  const places = placeLabels([{ x: 1, y: 1, text: "a long name" }], { left: 0, right: 5, top: 0, bottom: 5 });
  assertEquals(places.length, 1);
  assert(!places[0].isFar);
});
