// GraphiQL with Drop's examples, one-click sign-in and subscriptions over graphql-transport-ws.
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { parse } from 'graphql';
import { createClient } from 'graphql-ws';
import React, { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import 'graphiql/graphiql.css';
import './bar.css';
import examples from 'examples';

const socket = createClient({
  url: `${location.origin.replace(/^http/, 'ws')}/graphql`,
  shouldRetry: () => true,
});
const send = createGraphiQLFetcher({ url: '/graphql', wsClient: socket });

const PLACEHOLDERS = {
  FIRST_ACCOUNT: '{ viewer { bankAccounts(first: 1) { edges { node { id } } } } }',
  FIRST_BANK_LINK: '{ viewer { bankLinks { edges { node { id } } } } }',
  LAST_PAYMENT: '{ viewer { payments(first: 1) { edges { node { id } } } } }',
  LAST_UPLOAD: '{ viewer { uploads(first: 1) { edges { node { id } } } } }',
  LAST_CARD: '{ viewer { cards { edges { node { id } } } } }',
  LAST_SESSION: '{ viewer { sessions { edges { node { id } } } } }',
};

// What the upload's example declares.
const EXAMPLE_FILE = "%PDF-1.4\n% A receipt from Drop's examples\n";

async function ask(query) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return (await response.json()).data;
}

function firstId(value) {
  if (value === null || typeof value !== 'object') return undefined;
  if (typeof value.id === 'string') return value.id;
  for (const inner of Object.values(value)) {
    const id = firstId(inner);
    if (id) return id;
  }
  return undefined;
}

// An example's placeholders become the viewer's own ids, so that it works as it stands.
async function fill(value) {
  if (value === 'NEW_KEY') return crypto.randomUUID();
  if (typeof value === 'string' && PLACEHOLDERS[value]) return firstId(await ask(PLACEHOLDERS[value])) ?? value;
  if (Array.isArray(value)) return Promise.all(value.map(fill));
  if (value && typeof value === 'object') {
    const entries = Object.entries(value).map(async ([name, inner]) => [name, await fill(inner)]);
    return Object.fromEntries(await Promise.all(entries));
  }
  return value;
}

function pageIn(value) {
  if (value === null || typeof value !== 'object') return undefined;
  if (typeof value.authorisation?.url === 'string') return { label: "Open the bank's page", url: value.authorisation.url };
  if (typeof value.cardForm?.url === 'string') return { label: 'Open the card page', url: value.cardForm.url };
  if (typeof value.target?.url === 'string') return { label: 'Put the example file', put: value.target };
  if (typeof value.downloadUrl === 'string') return { label: 'Download the file', url: value.downloadUrl };
  if (typeof value.accessToken?.url === 'string') return { label: 'Open the KYC form', url: value.accessToken.url };
  for (const inner of Object.values(value)) {
    const found = pageIn(inner);
    if (found) return found;
  }
  return undefined;
}

const SIGN_IN_ERRORS = {
  access_denied: 'The sign-in was cancelled',
  temporarily_unavailable: 'BankID is away: try again soon',
};

/** Why a sign-in came back without one (RFC 6749, 4.1.2.1), said once: a reload is no failed sign-in. */
function takeSignInError() {
  const here = new URL(location.href);
  const error = here.searchParams.get('error');
  if (error === null) return null;
  here.searchParams.delete('error');
  here.searchParams.delete('state');
  history.replaceState(null, '', here);
  return SIGN_IN_ERRORS[error] ?? 'The sign-in failed: try again';
}

const signInError = takeSignInError();

function App() {
  const [viewer, setViewer] = useState(null);
  const [personas, setPersonas] = useState([]);
  const [next, setNext] = useState(undefined);

  useEffect(() => {
    ask('{ viewer { name } }').then((data) => setViewer(data?.viewer ?? null));
    fetch('/sandbox/personas.json').then((r) => (r.ok ? r.json() : [])).then(setPersonas);
  }, []);

  async function* watched(results) {
    for await (const result of results[Symbol.asyncIterator] ? results : [results]) {
      const page = pageIn(result?.data);
      if (page) setNext(page);
      yield result;
    }
  }

  const fetcher = async (params, options) => {
    const variables = params.operationName === 'IntrospectionQuery' ? params.variables : await fill(params.variables);
    // Just after a tab was opened GraphiQL may still name the operation of the one before.
    const documentAST = parse(params.query);
    const names = documentAST.definitions.filter((one) => one.kind === 'OperationDefinition').map((one) => one.name?.value);
    const operationName = names.includes(params.operationName) ? params.operationName : names[0];
    const result = await send({ ...params, operationName, variables }, { ...options, documentAST });
    return watched(result);
  };

  const put = async (target) => {
    const headers = Object.fromEntries(target.headers.map(({ name, value }) => [name, value]));
    const response = await fetch(target.url, { method: target.method, headers, body: EXAMPLE_FILE });
    setNext({ label: response.ok ? 'The file is there: complete it in the next tab' : `Refused: ${response.status}`, url: '#' });
  };

  const signOut = async () => {
    const headers = { 'x-drop-csrf': '1', accept: 'application/json' };
    const response = await fetch('/auth/logout', { method: 'POST', headers });
    // BankID may keep a session of its own, which its page ends.
    if (response.status === 200) location.assign((await response.json()).endSessionUrl);
    else location.reload();
  };

  return (
    <>
      <nav className="bar" aria-label="Sign-in">
        <strong>Drop</strong>
        <span role="status">{viewer ? `Signed in as ${viewer.name}` : 'Signed out'}</span>
        {signInError && <span role="alert">{signInError}</span>}
        {viewer && <button onClick={signOut}>Sign out</button>}
        {next?.url && (
          <a className="next" href={next.url}>
            {next.label}
          </a>
        )}
        {next?.put && <button onClick={() => put(next.put)}>{next.label}</button>}
        <span className="people">
          {personas.map((one) => (
            <a key={one.id} title={one.about} href={`/auth/bankid/login?persona=${one.id}&return_to=/graphql`}>
              {one.name}
            </a>
          ))}
          {personas.length > 0 && <a href="/sandbox/">Sandbox</a>}
          {personas.length > 0 && <a href="/sandbox/scenarios">Scenarios</a>}
        </span>
      </nav>
      <div className="ide">
        <GraphiQL fetcher={fetcher} defaultTabs={examples} defaultEditorToolsVisibility="variables" shouldPersistHeaders={false} />
      </div>
    </>
  );
}

createRoot(document.getElementById('root')).render(<App />);
