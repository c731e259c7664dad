/** Counts the primes below `below` by trial division: work for the CPU and nothing else. */
export function handler(event: { below?: number }): { below: number; primes: number } {
  const below = Math.min(event.below ?? 20_000, 5_000_000);
  let primes = 0;
  for (let n = 2; n < below; n++) if (isPrime(n)) primes++;
  return { below, primes };
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}
