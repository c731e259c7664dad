/** Streams both ways: `GET` counts, a line at a time; `POST` sends every piece back, in capitals, as it comes. */
export default {
  fetch(request: Request): Response {
    const body = request.method === "POST" && request.body ? request.body.pipeThrough(capitals()) : count(request);
    return new Response(body, { headers: { "content-type": "text/plain; charset=utf-8" } });
  },
};

function capitals(): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder(), encoder = new TextEncoder();
  return new TransformStream({
    transform(piece, controller) {
      controller.enqueue(encoder.encode(decoder.decode(piece, { stream: true }).toUpperCase()));
    },
  });
}

function count(request: Request): ReadableStream<Uint8Array> {
  const { searchParams } = new URL(request.url);
  const lines = Number(searchParams.get("lines") ?? 5), everyMs = Number(searchParams.get("every") ?? 100);
  const encoder = new TextEncoder();
  let n = 0;
  return new ReadableStream({
    async pull(controller) {
      if (n >= lines) return controller.close();
      if (n > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
      controller.enqueue(encoder.encode(`${++n}\n`));
    },
  });
}
