import { useQuery } from "urql";
import { type FragmentType, graphql, unmask } from "../gql/index.ts";
import { useTexts } from "../texts.ts";
import { Loaded, Money, Screen } from "../ui/parts.tsx";
import { PaymentList } from "./Payments.tsx";

const HOME = graphql(`
  query Home {
    viewer {
      id
      kyc {
        ...KycState
        status
      }
      bankAccounts(first: 20) {
        edges {
          node {
            ...AccountRow
          }
        }
      }
      payments(first: 5) {
        edges {
          node {
            ...PaymentRow
          }
        }
      }
    }
  }
`);

const ACCOUNT = graphql(`
  fragment AccountRow on BankAccount {
    id
    version
    name
    maskedNumber
    currency
    available
    bank {
      id
      name
    }
    balances {
      type
      amount {
        amountMinor
        currency
      }
    }
  }
`);

export function Home({ name }: { name: string }) {
  const { t } = useTexts();
  const [asked, ask] = useQuery({ query: HOME });
  return (
    <Screen title={`${t.hello}, ${name}`}>
      <Loaded of={asked} again={() => ask({ requestPolicy: "network-only" })}>
        {({ viewer }) =>
          viewer && (
            <>
              {viewer.kyc.status !== "APPROVED" && (
                <p className="card">
                  {t.verifyFirst} <a href="#/kyc">{t.verify}</a>
                </p>
              )}
              <h2>{t.accounts}</h2>
              {viewer.bankAccounts.edges.length === 0 && (
                <p className="card">
                  {t.noAccounts} <a href="#/banks">{t.connectBank}</a>
                </p>
              )}
              <ul className="grid">
                {viewer.bankAccounts.edges.map(({ node }, index) => (
                  <AccountCard key={index} account={node} />
                ))}
              </ul>
              <h2>{t.latestPayments}</h2>
              <PaymentList payments={viewer.payments.edges.map(({ node }) => node)} />
              <p>
                <a className="button primary" href="#/pay">
                  {t.payTitle}
                </a>
              </p>
            </>
          )
        }
      </Loaded>
    </Screen>
  );
}

function AccountCard(props: { account: FragmentType<typeof ACCOUNT> }) {
  const { t } = useTexts();
  const account = unmask(ACCOUNT, props.account);
  const balance = account.balances.find(({ type }) => type === "AVAILABLE") ?? account.balances[0];
  return (
    <li>
      <a className="card block" href={`#/accounts/${account.id}`}>
        <span className="muted">
          {account.bank?.name} {account.maskedNumber}
        </span>
        <strong>{account.name}</strong>
        {balance && (
          <span className="big">
            <Money of={balance.amount} />
          </span>
        )}
        <span className="muted">{account.available ? balance && (balance.type === "AVAILABLE" ? t.available : t.booked) : t.notAvailable}</span>
      </a>
    </li>
  );
}
