import { useDeferredValue, useState } from "react";
import { useQuery } from "urql";
import { graphql } from "../gql/index.ts";
import { useTexts } from "../texts.ts";
import { Field, Loaded, Money, Screen, When } from "../ui/parts.tsx";

const ACCOUNT = graphql(`
  query Account($id: ID!) {
    viewer {
      id
      bankAccount(id: $id) {
        ...AccountRow
        id
        name
        iban
        bban
        balances {
          type
          asOf
          amount {
            amountMinor
            currency
          }
        }
      }
    }
  }
`);

const STATEMENT = graphql(`
  query Statement($filter: TransactionFilter, $after: String) {
    viewer {
      id
      transactions(filter: $filter, first: 20, after: $after) {
        edges {
          node {
            id
            status
            bookingDate
            counterpartyName
            message
            kid
            amount {
              amountMinor
              currency
            }
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

// A shorter text is refused.
const SHORTEST = 2;

export function Account({ id }: { id: string }) {
  const { t } = useTexts();
  const [typed, setTyped] = useState("");
  const text = useDeferredValue(typed.trim());
  const [asked, ask] = useQuery({ query: ACCOUNT, variables: { id } });
  return (
    <Loaded of={asked} again={() => ask({ requestPolicy: "network-only" })}>
      {({ viewer }) => {
        const account = viewer?.bankAccount;
        if (!account) return <p>{t.unknownAccount}</p>;
        return (
          <Screen title={account.name}>
            <p className="muted">{account.bban ?? account.iban}</p>
            <dl>
              {account.balances.map(({ type, amount, asOf }) => (
                <div key={type}>
                  <dt>
                    {type === "AVAILABLE" ? t.available : t.booked}, <When at={asOf} />
                  </dt>
                  <dd className="big">
                    <Money of={amount} />
                  </dd>
                </div>
              ))}
            </dl>
            <h2>{t.transactions}</h2>
            <Field label={t.search} name="search">
              {(given) => <input {...given} type="search" value={typed} onChange={({ target }) => setTyped(target.value)} />}
            </Field>
            <Page key={text} account={id} text={text.length < SHORTEST ? null : text} after={null} />
          </Screen>
        );
      }}
    </Loaded>
  );
}

function Page({ account, text, after }: { account: string; text: string | null; after: string | null }) {
  const { t } = useTexts();
  const [wantsMore, setWantsMore] = useState(false);
  const [asked, ask] = useQuery({ query: STATEMENT, variables: { filter: { accounts: [account], text }, after } });
  return (
    <Loaded of={asked} again={() => ask({ requestPolicy: "network-only" })}>
      {({ viewer }) => {
        if (!viewer) return null;
        const { edges, pageInfo } = viewer.transactions;
        return (
          <>
            {edges.length === 0 && after === null && <p className="muted">{t.noTransactions}</p>}
            <ul className="rows">
              {edges.map(({ node }) => (
                <li key={node.id}>
                  <span className="grow">
                    <strong>{node.counterpartyName ?? node.message ?? node.kid ?? "–"}</strong>
                    <small>
                      <When at={node.bookingDate} />
                      {node.counterpartyName && node.message && ` · ${node.message}`}
                      {node.status === "PENDING" && ` · ${t.pending}`}
                    </small>
                  </span>
                  <span className="end">
                    <Money of={node.amount} />
                  </span>
                </li>
              ))}
            </ul>
            {pageInfo.hasNextPage && !wantsMore && <button onClick={() => setWantsMore(true)}>{t.more}</button>}
            {pageInfo.hasNextPage && wantsMore && <Page account={account} text={text} after={pageInfo.endCursor ?? null} />}
          </>
        );
      }}
    </Loaded>
  );
}
