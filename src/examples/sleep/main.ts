/** Waits `ms` milliseconds, as functions do that wait for somebody else. */
export async function handler(event: { ms?: number }): Promise<{ sleptMs: number }> {
  const ms = event.ms ?? 100;
  await new Promise((resolve) => setTimeout(resolve, ms));
  return { sleptMs: ms };
}
