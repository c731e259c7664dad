/** A function may be as many files as it likes: `deploy` bundles them. */
export function greeting(name = "world"): string {
  return `Hello, ${name}!`;
}
