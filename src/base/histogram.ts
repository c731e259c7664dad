import { assert } from "./assert.ts";

const SUB_BUCKET_BITS = 4;
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS;
const BUCKETS = (53 - SUB_BUCKET_BITS) * SUB_BUCKETS + SUB_BUCKETS;

/**
 * Counts of values in logarithmic buckets, 16 to an octave: quantiles are right to within 6.25 %, whatever the range,
 * in a fixed 6.3 KiB. Values are whole and not negative; the unit is the caller's.
 */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }
  get sum(): number {
    return this.#sum;
  }
  get max(): number {
    return this.#max;
  }
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Adds one value; a fraction is cut off. */
  record(value: number): void {
    assert(value >= 0 && value <= Number.MAX_SAFE_INTEGER, `histogram value ${value} is out of range`);
    const whole = Math.floor(value);
    this.#counts[bucketOf(whole)]++;
    this.#count++;
    this.#sum += whole;
    if (whole > this.#max) this.#max = whole;
  }

  /** The smallest value that at least the share `q` (0 to 1) of all values does not exceed, to within a bucket. */
  quantile(q: number): number {
    assert(q >= 0 && q <= 1, `quantile ${q} is out of range`);
    if (this.#count === 0) return 0;
    const wanted = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket];
      if (seen >= wanted) return Math.min(this.#max, upperEdge(bucket));
    }
    return this.#max;
  }
}

function bucketOf(value: number): number {
  if (value < SUB_BUCKETS) return value;
  const exponent = Math.floor(Math.log2(value));
  const scale = 2 ** (exponent - SUB_BUCKET_BITS);
  return (exponent - SUB_BUCKET_BITS + 1) * SUB_BUCKETS + (Math.floor(value / scale) - SUB_BUCKETS);
}

function upperEdge(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const exponent = Math.floor(bucket / SUB_BUCKETS) - 1;
  const within = bucket % SUB_BUCKETS;
  return (SUB_BUCKETS + within + 1) * 2 ** exponent - 1;
}
