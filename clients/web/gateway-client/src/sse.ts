/** Subscriptions over an event stream, for where no WebSocket gets through. They resume as those of a socket do. */
import { cursorOf } from "./socket.ts";

export interface StreamRequest {
  readonly query?: string;
  readonly documentId?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface StreamOptions {
  /** The gateway's address, such as `http://localhost:8000`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** When to connect again after the line ended without `complete`. */
  readonly retryWait: (retries: number) => Promise<void>;
}

export interface StreamResult {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[];
}

/** Gives each result until the gateway completes the subscription. Throws what the gateway refuses. */
export async function* follow(request: StreamRequest, options: StreamOptions): AsyncGenerator<StreamResult> {
  let after: string | undefined;
  for (let retries = 0; ; retries += 1) {
    if (retries > 0) await options.retryWait(retries);
    options.signal.throwIfAborted();
    const variables = after === undefined ? request.variables : { ...request.variables, after };
    try {
      for await (const { event, data } of eventsOf(await open({ ...request, variables }, options))) {
        if (event === "complete") return;
        if (event !== "next") continue;
        const result = JSON.parse(data) as StreamResult;
        after = cursorOf(result as never) ?? after;
        retries = 0;
        yield result;
      }
    } catch (error) {
      if (error instanceof Refused || options.signal.aborted) throw error;
    }
  }
}

/** The gateway has answered, and not with a stream: asking again would be answered alike. */
export class Refused extends Error {
  constructor(readonly status: number, readonly body: string) {
    super(`The subscription was refused with ${status}`);
  }
}

async function open(request: object, { url, headers, signal }: StreamOptions): Promise<ReadableStream<Uint8Array>> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    credentials: "include",
    headers: { ...headers, "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(request),
    signal,
  });
  if (response.status >= 500) throw new Error(`The gateway answered ${response.status}`);
  if (!response.ok || !response.body) throw new Refused(response.status, await response.text());
  return response.body;
}

/** The events of a stream (HTML, 9.2.6), of which the gateway sends `event` and `data` alone. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<{ event: string; data: string }> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n");
      const of = (name: string) =>
        lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim());
      yield { event: of("event")[0] ?? "", data: of("data").join("\n") };
    }
  }
}
