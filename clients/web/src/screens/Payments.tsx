import { useState } from "react";
import { useQuery } from "urql";
import { type FragmentType, graphql, unmask } from "../gql/index.ts";
import { useTexts } from "../texts.ts";
import { Loaded, Money, Screen, Status, When } from "../ui/parts.tsx";

const PAYMENTS = graphql(`
  query Payments($after: String) {
    viewer {
      id
      payments(first: 20, after: $after) {
        edges {
          node {
            ...PaymentRow
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

const ROW = graphql(`
  fragment PaymentRow on Payment {
    id
    version
    status
    createdAt
    scheduledFor
    amount {
      amountMinor
      currency
    }
    creditor {
      name
    }
  }
`);

export function Payments() {
  const { t } = useTexts();
  return (
    <Screen title={t.payments}>
      <Page after={null} />
    </Screen>
  );
}

/** A page of the list, and the next one once it is asked for. Each page is read anew by itself. */
function Page({ after }: { after: string | null }) {
  const { t } = useTexts();
  const [wantsMore, setWantsMore] = useState(false);
  const [asked, ask] = useQuery({ query: PAYMENTS, variables: { after } });
  return (
    <Loaded of={asked} again={() => ask({ requestPolicy: "network-only" })}>
      {({ viewer }) => {
        if (!viewer) return null;
        const { hasNextPage, endCursor } = viewer.payments.pageInfo;
        return (
          <>
            <PaymentList payments={viewer.payments.edges.map(({ node }) => node)} />
            {hasNextPage && !wantsMore && <button onClick={() => setWantsMore(true)}>{t.more}</button>}
            {hasNextPage && wantsMore && <Page after={endCursor ?? null} />}
          </>
        );
      }}
    </Loaded>
  );
}

export function PaymentList(props: { payments: readonly FragmentType<typeof ROW>[] }) {
  const { t } = useTexts();
  if (props.payments.length === 0) return <p className="muted">{t.noPayments}</p>;
  return (
    <ul className="rows">
      {props.payments.map((masked) => {
        const payment = unmask(ROW, masked);
        return (
          <li key={payment.id}>
            <a href={`#/payments/${payment.id}`}>
              <span className="grow">
                <strong>{payment.creditor.name}</strong>
                <small>
                  <When at={payment.scheduledFor ?? payment.createdAt} />
                </small>
              </span>
              <span className="end">
                <Money of={payment.amount} />
                <Status of={payment.status} />
              </span>
            </a>
          </li>
        );
      })}
    </ul>
  );
}
