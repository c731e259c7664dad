/** Greets whoever asks: by URL (`?name=Ada`) or by an event (`{"name": "Ada"}`). */
import { greeting } from "./greeting.ts";

export default {
  async fetch(request: Request): Promise<Response> {
    const name = new URL(request.url).searchParams.get("name") ?? await nameIn(request);
    return new Response(`${greeting(name)}\n`);
  },
};

async function nameIn(request: Request): Promise<string | undefined> {
  if (request.body === null) return undefined;
  const event: unknown = await request.json().catch(() => undefined);
  return typeof event === "object" && event !== null && "name" in event ? String(event.name) : undefined;
}
