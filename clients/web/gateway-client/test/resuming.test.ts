import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Client, Sink, SubscribePayload } from "graphql-ws";
import { resuming } from "../src/socket.ts";
import { follow, Refused } from "../src/sse.ts";

const item = (cursor: string) => ({ data: { viewerEvents: { cursor } } });

test("what graphql-ws sends again on a reconnect goes on after the last cursor", () => {
  let held: SubscribePayload | undefined;
  let sink: Sink | undefined;
  const inner = { subscribe: (payload: SubscribePayload, given: Sink) => ((held = payload), (sink = given), () => {}) };
  const given = { query: "subscription { viewerEvents { cursor } }", variables: { id: "pay_1" } };
  const seen: unknown[] = [];
  resuming(inner as unknown as Client).subscribe(given, { next: (one) => seen.push(one), error() {}, complete() {} });

  sink?.next(item("c1"));
  sink?.next({ data: null, errors: [] });
  sink?.next(item("c2"));

  assert.deepEqual(held?.variables, { id: "pay_1", after: "c2" });
  assert.deepEqual(given.variables, { id: "pay_1" });
  assert.equal(seen.length, 3);
});

type Answer = (request: Record<string, unknown>, response: ServerResponse) => void;

async function gateway(answers: Answer[], use: (url: string, asked: Record<string, unknown>[]) => Promise<void>): Promise<void> {
  const asked: Record<string, unknown>[] = [];
  const server: Server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const sent = JSON.parse(body) as Record<string, unknown>;
    asked.push(sent);
    answers[asked.length - 1]?.(sent, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const stream = (response: ServerResponse, text: string, end = true) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(text);
  if (end) response.end();
};
const next = (cursor: string) => `event: next\ndata: ${JSON.stringify(item(cursor))}\n\n`;
const options = (url: string) => ({ url, signal: new AbortController().signal, retryWait: async () => {} });

test("an event stream that ends without complete is taken up after its last cursor", async () => {
  const cut: Answer = (_, response) => {
    stream(response, `:\n\n${next("c1")}${next("c2")}`, false);
    // In the middle of an event, as when a process dies.
    response.write("event: next\nda", () => response.destroy());
  };
  const away: Answer = (_, response) => void response.writeHead(503).end();
  const rest: Answer = (_, response) => stream(response, `${next("c3")}event: complete\ndata:\n\n`);

  await gateway([cut, away, rest], async (url, asked) => {
    const cursors: unknown[] = [];
    for await (const result of follow({ query: "subscription", variables: { id: "pay_1" } }, options(url))) {
      cursors.push((result.data?.["viewerEvents"] as { cursor: string }).cursor);
    }

    assert.deepEqual(cursors, ["c1", "c2", "c3"]);
    assert.deepEqual(asked.map(({ variables }) => variables), [
      { id: "pay_1" },
      { id: "pay_1", after: "c2" },
      { id: "pay_1", after: "c2" },
    ]);
  });
});

test("what the gateway refuses is not asked again", async () => {
  await gateway([(_, response) => void response.writeHead(401).end("no")], async (url, asked) => {
    const given = follow({ query: "subscription" }, options(url));

    await assert.rejects(given.next(), (error) => error instanceof Refused && error.status === 401 && error.body === "no");
    assert.equal(asked.length, 1);
  });
});
