/** How tests ask a service. */

/** How long a test waits for anything before it gives up; a busy machine needs some. */
export const PATIENCE_MS = 60_000;

/** One unary call as JSON over HTTP/1.1. */
export async function callJson(
  base: string,
  method: string,
  request: unknown,
  timeoutMs?: number,
  token?: string,
  // deno-lint-ignore no-explicit-any -- replies are looked at by tests
): Promise<any> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (timeoutMs !== undefined) headers["connect-timeout-ms"] = String(timeoutMs);
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const response = await fetch(`${base}/${method}`, { method: "POST", headers, body: JSON.stringify(request) });
  return await response.json();
}
