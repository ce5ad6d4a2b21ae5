// The product's flow with Apollo Client and graphql-ws, as an app: TOKEN is its access token, GATEWAY the address.
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { resuming } from '../../docs/resuming.mjs';

const { GATEWAY, TOKEN } = process.env;
const authorization = `Bearer ${TOKEN}`;
const sockets = [];

class Watched extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
  }
}

const socket = createClient({
  url: `${GATEWAY.replace('http', 'ws')}/graphql`,
  webSocketImpl: Watched,
  connectionParams: { authorization },
  retryWait: async () => {},
});
const link = ApolloLink.split(
  ({ operationType }) => operationType === 'subscription',
  new GraphQLWsLink(resuming(socket)),
  new HttpLink({ uri: `${GATEWAY}/graphql`, headers: { authorization } }),
);
const client = new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: 'no-cache' } } });

function follow(query, variables, until, onItem = () => {}) {
  const items = [];
  return new Promise((resolve, reject) => {
    const subscription = client.subscribe({ query, variables, fetchPolicy: 'no-cache' }).subscribe({
      next({ data, error }) {
        if (error) return reject(error);
        const item = Object.values(data)[0];
        items.push(item);
        if (until(item)) {
          subscription.unsubscribe();
          resolve(items);
        } else {
          onItem(item, items.length);
        }
        return undefined;
      },
      error: reject,
    });
  });
}

async function press(page, fields) {
  const shown = await (await fetch(page)).text();
  const form = new URLSearchParams(fields);
  for (const [, account] of shown.matchAll(/name="account" value="(\w+)"/g)) form.append('account', account);
  const response = await fetch(page, { method: 'POST', body: form });
  if (!response.ok) throw new Error(`${page}: ${response.status}`);
  return new URL(response.url).searchParams.get('returnCode');
}

async function redeem(code) {
  const body = new URLSearchParams({ code });
  const response = await fetch(`${GATEWAY}/api/openbanking/return`, { method: 'POST', headers: { authorization }, body });
  if (!response.ok) throw new Error(`return: ${response.status}`);
}

const kyc = gql`subscription Kyc($after: String) { kycUpdated(after: $after) { cursor kind kyc { id status } } }`;
const approved = follow(kyc, {}, (item) => item.kyc.status === 'APPROVED');
await client.mutate({ mutation: gql`mutation { startKyc { kyc { id status } } }` });
await approved;

const connected = await client.mutate({
  mutation: gql`mutation { connectBank(input: { bankId: "bank_dnb", returnTo: "/api/health/live" }) { authorisationUrl } }`,
});
await redeem(await press(connected.data.connectBank.authorisationUrl, { decision: 'approve' }));
const accounts = await client.query({ query: gql`{ viewer { id bankAccounts { edges { node { id } } } } }` });
const debtorAccountId = accounts.data.viewer.bankAccounts.edges[0].node.id;

const initiated = await client.mutate({
  mutation: gql`mutation ($input: InitiatePaymentInput!) {
    initiatePayment(input: $input) { payment { id authorisationUrl } userErrors { code } } }`,
  variables: {
    input: {
      debtorAccountId,
      creditorName: 'Ola Hansen',
      creditorAccount: '32010020009',
      amount: { amountMinor: '12500', currency: 'NOK' },
      idempotencyKey: 'apollo-client-flow',
      returnTo: '/api/health/live',
    },
  },
});
const { payment } = initiated.data.initiatePayment;

const updates = gql`subscription Payment($id: ID!, $after: String) {
  paymentUpdated(id: $id, after: $after) { cursor kind payment { id status version } } }`;
const items = await follow(updates, { id: payment.id }, (item) => item.payment.status === 'SETTLED', (item, count) => {
  // The line is cut after each item; what happens meanwhile must come exactly once.
  sockets.at(-1).terminate();
  if (count === 1) press(payment.authorisationUrl, { decision: 'approve' });
});

console.log(JSON.stringify({ items: items.map((item) => [item.kind, item.payment.status, item.payment.version]), sockets: sockets.length }));
await socket.dispose();
