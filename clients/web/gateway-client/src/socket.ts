/** Subscriptions over a WebSocket that miss nothing: they go on after the last cursor that they saw. */
import { type Client, createClient, type ExecutionResult, type SubscribePayload } from "graphql-ws";

/** An ended or refused session: sign in again, do not retry. */
export const SIGNED_OUT = 4401;

interface Item {
  readonly cursor?: unknown;
}

/** The newest cursor of an answer: each of the subscriptions has one field, whose items have a cursor. */
export function cursorOf(result: ExecutionResult): string | undefined {
  const item = Object.values(result.data ?? {})[0] as Item | null | undefined;
  return typeof item?.cursor === "string" ? item.cursor : undefined;
}

/** A graphql-ws client that sends the newest cursor as `after` when it connects again, not the first one. */
export function resuming(client: Client): Client {
  const subscribe: Client["subscribe"] = (payload, sink) => {
    const variables: Record<string, unknown> = { ...payload.variables };
    const request: SubscribePayload = { ...payload, variables };
    return client.subscribe(request, {
      next(result) {
        const after = cursorOf(result as ExecutionResult);
        if (after !== undefined) variables["after"] = after;
        sink.next(result as never);
      },
      error: (error) => sink.error(error),
      complete: () => sink.complete(),
    });
  };
  return { ...client, subscribe };
}

export interface SocketOptions {
  /** The gateway's address, such as `http://localhost:8000`. */
  readonly url: string;
  readonly acceptLanguage: string;
  readonly onState: (state: "connected" | "away" | "signed-out") => void;
  readonly webSocketImpl?: unknown;
  /** When to try again; at once where the browser says that it is online once more. */
  readonly retryWait?: (retries: number) => Promise<void>;
}

/** A socket that comes back by itself for as long as the session lasts. */
export function openSocket({ url, acceptLanguage, onState, webSocketImpl, retryWait = backOff }: SocketOptions): Client {
  return resuming(
    createClient({
      url: `${url.replace(/^http/, "ws")}/graphql`,
      connectionParams: { acceptLanguage },
      keepAlive: 15_000,
      retryAttempts: Infinity,
      shouldRetry: () => true,
      retryWait,
      ...(webSocketImpl === undefined ? {} : { webSocketImpl }),
      on: {
        connected: () => onState("connected"),
        closed: (event) => {
          const { code, wasClean } = event as CloseEvent;
          if (code === SIGNED_OUT) onState("signed-out");
          else if (code !== 1000 || !wasClean) onState("away");
        },
      },
    }),
  );
}

const LONGEST_MS = 10_000;

function backOff(retries: number): Promise<void> {
  const wait = Math.min(LONGEST_MS, 250 * 2 ** retries) * (0.5 + Math.random() / 2);
  return new Promise((resolve) => {
    const goOn = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", goOn);
      resolve();
    };
    const timer = setTimeout(goOn, wait);
    globalThis.addEventListener?.("online", goOn);
  });
}
