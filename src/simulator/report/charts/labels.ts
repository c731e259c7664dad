/** Where to write the names of points so that they do not lie on one another. */

export interface NamedPoint {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A name's place: where its text begins, on its base line. */
export interface LabelPlace {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Away from its point: a line should lead there. */
  readonly isFar: boolean;
}

/** What letters of this size take; a little more than most need. */
const LETTER_WIDTH = 6.6, LINE_HEIGHT = 14;
const POINT_RADIUS = 7;
/** How far from its point a name may go, in lines. */
const LINES_MAX = 20;

/** A place for each point's name, as near to it as the names before it allow; in the frame where there is room. */
export function placeLabels(points: readonly NamedPoint[], frame: Frame): LabelPlace[] {
  const taken: Frame[] = points.map(({ x, y }) => ({
    left: x - POINT_RADIUS,
    right: x + POINT_RADIUS,
    top: y - POINT_RADIUS,
    bottom: y + POINT_RADIUS,
  }));
  return points.map(({ x, y, text }) => {
    const width = text.length * LETTER_WIDTH;
    const places = [...candidates(x, y, width)];
    const isFree = (box: Frame) =>
      box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom &&
      !taken.some((other) => overlap(box, other));
    const place = places.find((one) => isFree(boxOf(one))) ?? places[0];
    taken.push(boxOf(place));
    return place;
  });
}

/** Right of the point, left of it, then line by line away from it, first to the right. */
function* candidates(x: number, y: number, width: number): Generator<LabelPlace, void> {
  const right = x + POINT_RADIUS + 4, left = x - POINT_RADIUS - 4 - width;
  yield { x: right, y: y + 4, width, isFar: false };
  yield { x: left, y: y + 4, width, isFar: false };
  for (let line = 1; line <= LINES_MAX; line++) {
    for (const lines of [line, -line]) {
      for (const away of [right + 8, left - 8, x - width / 2]) {
        yield { x: away, y: y + 4 + lines * LINE_HEIGHT, width, isFar: true };
      }
    }
  }
}

function boxOf({ x, y, width }: LabelPlace): Frame {
  return { left: x, right: x + width, top: y - LINE_HEIGHT + 3, bottom: y + 3 };
}

function overlap(a: Frame, b: Frame): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
