/**
 * The placement index: nodes filed under classes of free memory, a quarter octave each, so that a node with room is
 * found without looking at all of them. Per class a bitmap of nodes and a summary with one bit per bitmap word; over
 * all a bitmap of the classes that seem to have nodes. All of it is hints: a node may be filed wrong for a moment, and
 * only `NodeTable.reserve` decides.
 *
 * Who files a node re-reads its free memory afterwards and files it again where that changed meanwhile. Two who file one
 * node at once may leave a bit in a class it has left, never the class it is in without its bit: the bit is set in each
 * round even if the node was filed there already, because who cleared it last may be the one who looks again. `find`
 * clears the bits that it finds wrong, and looks again too. A class's own bit stays when its last node goes, until
 * `find` meets the empty class.
 */
import { assert } from "../base/mod.ts";
import { CLASSES, CLASSES_WITH_NODES, type Layout, NODE_WORDS } from "./layout.ts";

/** What fits the room word: above it there are no classes. */
const KIB_MAX = 2 ** 30 - 1;
/** Word of a node's slot with the class it is filed under, + 1. */
const FILED = 7;
/**
 * Nodes of the class that only may fit, looked at before the higher classes, where every node fits. All others of it
 * are looked at last, before the answer is "none": a waiter must not starve beside a node that has just enough.
 */
const MAYBE_CANDIDATES_MAX = 8;
/** Classes, rounded up to whole words. */
const CLASS_BITS = Math.ceil(CLASSES / 32) * 32;

export class PlacementIndex {
  private readonly bitmapWords: number;

  constructor(private readonly words: Int32Array, private readonly layout: Layout, private readonly nodes: number) {
    this.bitmapWords = Math.ceil(nodes / 32);
  }

  /** Files the node under the class of `freeKiB`. */
  file(node: number, freeKiB: number): void {
    const filed = this.layout.nodes + node * NODE_WORDS + FILED;
    for (;;) {
      const wanted = classOf(freeKiB) + 1;
      // Mostly it stays in its class, and a look is cheaper than a write.
      const same = Atomics.load(this.words, filed) === wanted;
      const before = same ? wanted : Atomics.exchange(this.words, filed, wanted);
      if (before !== 0 && before !== wanted) this.clear(before - 1, node);
      this.set(wanted - 1, node);
      let room = Atomics.load(this.words, this.layout.nodes + node * NODE_WORDS);
      if ((room & 1) === 0) {
        this.unfile(node);
        // It may have been opened, and filed by its opener, in between.
        room = Atomics.load(this.words, this.layout.nodes + node * NODE_WORDS);
        if ((room & 1) === 0) return;
      } else if (classOf(room >>> 1) + 1 === wanted) return;
      freeKiB = room >>> 1;
    }
  }

  unfile(node: number): void {
    const before = Atomics.exchange(this.words, this.layout.nodes + node * NODE_WORDS + FILED, 0);
    if (before !== 0) this.clear(before - 1, node);
  }

  /** The fullest node (to within a class) that seems to have `kib` free, the lowest slot of a class; −1 where none has. */
  find(kib: number): number {
    if (kib > KIB_MAX) return -1;
    const first = classOf(kib);
    const maybe = this.findInMaybe(first, kib, MAYBE_CANDIDATES_MAX);
    if (maybe >= 0) return maybe;
    const node = this.findAbove(first);
    return node >= 0 ? node : this.findInMaybe(first, kib, Infinity);
  }

  /** Up to `most` nodes that have `kib` free, the fullest first (to within a class). */
  fullest(kib: number, most: number): number[] {
    const found: number[] = [];
    if (kib > KIB_MAX) return found;
    for (let c = classOf(kib); c < CLASSES && found.length < most; c++) {
      const word = Atomics.load(this.words, this.layout.header + CLASSES_WITH_NODES + (c >>> 5));
      if ((word & (1 << (c & 31))) === 0) continue;
      for (let node = this.lowest(c, 0); node >= 0 && found.length < most; node = this.lowest(c, node + 1)) {
        const room = Atomics.load(this.words, this.layout.nodes + node * NODE_WORDS);
        if (this.isIn(c, node) && (room >>> 1) >= kib) found.push(node);
      }
    }
    return found;
  }

  /**
   * The lowest node of the lowest class above `c` that has one, or −1.
   *
   *     for each class whose bit is set: a node: done.  None: clear the bit; a node now: set it again, done
   */
  private findAbove(c: number): number {
    for (let from = c + 1; from < CLASS_BITS; from++) {
      const word = this.layout.header + CLASSES_WITH_NODES + (from >>> 5);
      const rest = Atomics.load(this.words, word) & (-1 << (from & 31));
      if (rest === 0) {
        from |= 31; // On to the next word.
        continue;
      }
      from = (from & ~31) + lowestBit(rest);
      let node = this.findIn(from);
      if (node >= 0) return node;
      Atomics.and(this.words, word, ~(1 << (from & 31)));
      node = this.findIn(from);
      if (node < 0) continue;
      Atomics.or(this.words, word, 1 << (from & 31));
      return node;
    }
    return -1;
  }

  /** The lowest node of this class, or −1. */
  private findIn(c: number): number {
    for (let node = this.lowest(c, 0); node >= 0; node = this.lowest(c, node + 1)) {
      if (this.belongs(c, node)) return node;
    }
    return -1;
  }

  /** In the class that `kib` itself falls into some nodes have a little less than that. */
  private findInMaybe(c: number, kib: number, triesMax: number): number {
    let from = 0;
    for (let tries = 0; tries < triesMax; tries++) {
      const node = this.lowest(c, from);
      if (node < 0) return -1;
      const room = Atomics.load(this.words, this.layout.nodes + node * NODE_WORDS);
      if ((room & 1) === 1 && (room >>> 1) >= kib) return node;
      this.belongs(c, node);
      from = node + 1;
    }
    return -1;
  }

  /** Whether the node is in this class; takes the bit from it where it is not. */
  private belongs(c: number, node: number): boolean {
    if (this.isIn(c, node)) return true;
    this.clear(c, node);
    if (!this.isIn(c, node)) return false;
    this.set(c, node);
    return true;
  }

  private isIn(c: number, node: number): boolean {
    const room = Atomics.load(this.words, this.layout.nodes + node * NODE_WORDS);
    return (room & 1) === 1 && classOf(room >>> 1) === c;
  }

  /** Every node that takes containers can be found in its class. While nobody is mid-operation. */
  checkInvariants(): void {
    for (let node = 0; node < this.nodes; node++) {
      const room = Atomics.load(this.words, this.layout.nodes + node * NODE_WORDS);
      if ((room & 1) === 0) continue;
      const c = classOf(room >>> 1);
      const classes = Atomics.load(this.words, this.layout.header + CLASSES_WITH_NODES + (c >>> 5));
      const seen = (classes & (1 << (c & 31))) !== 0;
      assert(seen && this.lowest(c, node) === node, `node slot ${node} is not in its class`);
    }
  }

  /** The lowest node of the class with a slot of at least `from`, or −1. */
  private lowest(c: number, from: number): number {
    const bitmap = this.layout.classes + c * this.layout.classWords;
    const summary = bitmap + this.bitmapWords;
    let word = from >>> 5;
    if (word >= this.bitmapWords) return -1;
    const rest = Atomics.load(this.words, bitmap + word) & (-1 << (from & 31));
    if (rest !== 0) return (word << 5) + lowestBit(rest);
    word++;
    while (word < this.bitmapWords) {
      const has = Atomics.load(this.words, summary + (word >>> 5)) & (-1 << (word & 31));
      if (has === 0) {
        word = ((word >>> 5) + 1) << 5;
        continue;
      }
      word = ((word >>> 5) << 5) + lowestBit(has);
      const bits = Atomics.load(this.words, bitmap + word);
      if (bits !== 0) return (word << 5) + lowestBit(bits);
      word++;
    }
    return -1;
  }

  private set(c: number, node: number): void {
    const bitmap = this.layout.classes + c * this.layout.classWords;
    const word = node >>> 5;
    this.setBit(bitmap + word, 1 << (node & 31));
    this.setBit(bitmap + this.bitmapWords + (word >>> 5), 1 << (word & 31));
    this.setBit(this.layout.header + CLASSES_WITH_NODES + (c >>> 5), 1 << (c & 31));
  }

  /** Nearly always it is set already, and a look leaves the cache line to other threads. */
  private setBit(word: number, bit: number): void {
    if ((Atomics.load(this.words, word) & bit) === 0) Atomics.or(this.words, word, bit);
  }

  private clear(c: number, node: number): void {
    const bitmap = this.layout.classes + c * this.layout.classWords;
    const word = node >>> 5;
    const summary = bitmap + this.bitmapWords + (word >>> 5);
    const before = Atomics.and(this.words, bitmap + word, ~(1 << (node & 31)));
    if ((before & ~(1 << (node & 31))) !== 0) return;
    Atomics.and(this.words, summary, ~(1 << (word & 31)));
    if (Atomics.load(this.words, bitmap + word) !== 0) Atomics.or(this.words, summary, 1 << (word & 31));
  }
}

/** Quarter octave of a size: classes 4e to 4e+3 split [2^e, 2^(e+1)) evenly; 0 KiB falls into class 0. */
export function classOf(kib: number): number {
  if (kib < 4) return kib;
  const exponent = 31 - Math.clz32(kib);
  return exponent * 4 + ((kib >>> (exponent - 2)) & 3);
}

/** Index of the lowest set bit of a word that is not 0. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
