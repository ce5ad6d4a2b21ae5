// Where the gateway is, and the client that talks to it: a normalising cache, trusted documents, one socket.
import { openSocket } from "@drop/gateway-client";
import { type Cache, cacheExchange, type KeyingConfig } from "@urql/exchange-graphcache";
import { persistedExchange } from "@urql/exchange-persisted";
import { Client, fetchExchange, subscriptionExchange } from "urql";
import { newestExchange } from "./newest.ts";
import type { Locale } from "./texts.ts";

const chosen = new URLSearchParams(location.search).get("gateway");

/** Empty where the gateway serves this page; else the gateway's address, on another origin. */
export const GATEWAY: string = import.meta.env.DEV ? (chosen ?? "http://localhost:8000") : "";

/** This page, for pages of other parties to come back to. */
export const HERE: string = import.meta.env.DEV
  ? `${location.origin}${location.pathname}${chosen ? `?gateway=${encodeURIComponent(chosen)}` : ""}`
  : location.pathname;

// What is a value of its owner, not a thing of its own: it has no id.
const VALUES = [
  "AccountRead",
  "Address",
  "Authorisation",
  "AuthorisationMethod",
  "Balance",
  "ConsentText",
  "Creditor",
  "KycAccessToken",
  "KycCheck",
  "Money",
  "MutationWarning",
  "PageInfo",
  "PaymentCancellation",
  "PaymentEvent",
  "PaymentFailure",
  "PaymentReceipt",
  "PaymentReturn",
  "PendingContact",
  "UserError",
  "ViewerEvent",
];
const keys: KeyingConfig = Object.fromEntries(VALUES.map((name) => [name, () => null]));

// Which lists of the viewer have another member once an object of this type has come or gone.
const LISTS: Readonly<Record<string, readonly string[]>> = {
  PAYMENT: ["payments"],
  BANK_LINK: ["bankLinks", "bankAccounts"],
  BANK_ACCOUNT: ["bankAccounts", "transactions"],
};

// What may have changed while nobody listened.
const ALL = ["payments", "payment", "bankLinks", "bankLink", "bankAccounts", "bankAccount", "transactions", "kyc"];

function readAnew(cache: Cache, fields: readonly string[]): void {
  const viewer = cache.resolve("Query", "viewer");
  if (typeof viewer !== "string") return;
  for (const { fieldName, arguments: given } of cache.inspectFields(viewer)) {
    if (fields.includes(fieldName)) cache.invalidate(viewer, fieldName, given);
  }
}

interface Pushed {
  readonly viewerEvents?: { readonly kind: string; readonly type: string; readonly change?: string | null };
}

const cache = () =>
  cacheExchange({
    keys,
    updates: {
      Mutation: {
        initiatePayment: (_result, _args, cache) => readAnew(cache, ["payments"]),
        connectBank: (_result, _args, cache) => readAnew(cache, ["bankLinks"]),
      },
      Subscription: {
        viewerEvents(result, _args, cache) {
          const event = (result as Pushed).viewerEvents;
          // What was asked for before the first item came may be older than that: no push would tell.
          if (event?.kind !== "CHANGE") readAnew(cache, ALL);
          else if (event.change && event.change !== "UPDATED") readAnew(cache, LISTS[event.type] ?? []);
          // A link that is given or ended changes which accounts may be read.
          else if (event.type === "BANK_LINK") readAnew(cache, LISTS["BANK_LINK"] ?? []);
        },
      },
    },
  });

export type LineState = "connected" | "away" | "signed-out";

/** A client for one person and one language: another one begins with an empty cache. */
export function gatewayClient(locale: Locale, onLine: (state: LineState) => void): { client: Client; close: () => void } {
  const url = `${GATEWAY || location.origin}`;
  const socket = openSocket({ url, acceptLanguage: locale, onState: onLine });
  const client = new Client({
    url: `${url}/graphql`,
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    fetchOptions: { credentials: "include", headers: { "accept-language": locale } },
    exchanges: [
      cache(),
      newestExchange,
      // Asked by id first; a gateway to which nothing was pushed, as in mock mode, is then sent the text.
      persistedExchange({
        preferGetForPersistedQueries: false,
        enableForMutation: true,
        enableForSubscriptions: true,
        generateHash: async (_text, document) => hashOf(document),
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables, extensions }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe(
              { query: query ?? "", variables: variables ?? {}, ...(extensions ? { extensions: { ...extensions } } : {}) },
              sink as never,
            ),
          }),
        }),
      }),
    ],
  });
  return { client, close: () => void socket.dispose() };
}

interface WithHash {
  readonly __meta__?: { readonly hash: string };
}

/** The id that the build wrote into the document and into the manifest. */
function hashOf(document: unknown): string {
  return (document as WithHash).__meta__?.hash ?? "";
}
