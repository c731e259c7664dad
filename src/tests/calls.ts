/** How tests ask a service. */

/** How long a test waits for anything before it gives up; a busy machine needs some. */
export const PATIENCE_MS = 60_000;

/** One unary call as JSON over HTTP/1.1, with TLS where `ca`, as PEM, vouches for the other side. */
export async function callJson(
  base: string,
  method: string,
  request: unknown,
  timeoutMs?: number,
  token?: string,
  ca?: string,
  // deno-lint-ignore no-explicit-any -- replies are looked at by tests
): Promise<any> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (timeoutMs !== undefined) headers["connect-timeout-ms"] = String(timeoutMs);
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const client = ca === undefined ? undefined : Deno.createHttpClient({ caCerts: [ca] });
  try {
    const body = JSON.stringify(request);
    return await (await fetch(`${base}/${method}`, { method: "POST", headers, body, client })).json();
  } finally {
    client?.close();
  }
}
