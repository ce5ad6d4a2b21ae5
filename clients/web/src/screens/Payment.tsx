import { useMutation, useQuery } from "urql";
import { graphql, unmask } from "../gql/index.ts";
import { useTexts } from "../texts.ts";
import { InApp, Methods } from "../ui/approval.tsx";
import { Loaded, Money, Refusals, Screen, Status, Trouble, When } from "../ui/parts.tsx";
import { warningsOf } from "./Pay.tsx";

const PAYMENT = graphql(`
  query Payment($id: ID!) {
    viewer {
      id
      payment(id: $id) {
        ...PaymentDetails
      }
    }
  }
`);

const DETAILS = graphql(`
  fragment PaymentDetails on Payment {
    ...PaymentRow
    id
    version
    status
    inDoubt
    createdAt
    scheduledFor
    kid
    amount {
      amountMinor
      currency
    }
    creditor {
      name
      account
    }
    debtorAccount {
      id
      name
      maskedNumber
    }
    failure {
      code
      message
    }
    authorisation {
      kind
      url
      message
      challenge
      methods {
        id
        name
      }
    }
    cancellation {
      status
      authorisation {
        kind
        url
      }
    }
    refundStatus
    refundedAmount {
      amountMinor
      currency
    }
    receipt {
      number
    }
    history(first: 50) {
      edges {
        node {
          status
          at
          kind
          version
        }
      }
    }
  }
`);

const CANCEL = graphql(`
  mutation CancelPayment($input: CancelPaymentInput!) {
    cancelPayment(input: $input) {
      payment {
        ...PaymentDetails
      }
      userErrors {
        code
        message
        retryable
        field
      }
    }
  }
`);

const CHOOSE = graphql(`
  mutation ChoosePaymentApprovalMethod($input: ChoosePaymentApprovalMethodInput!) {
    choosePaymentApprovalMethod(input: $input) {
      payment {
        ...PaymentDetails
      }
      userErrors {
        code
        message
        retryable
        field
      }
    }
  }
`);

const OPEN: readonly string[] = ["AUTHORISATION_REQUIRED", "SCHEDULED"];

export function Payment({ id }: { id: string }) {
  const { t } = useTexts();
  const [asked, ask] = useQuery({ query: PAYMENT, variables: { id } });
  const [cancelled, cancel] = useMutation(CANCEL);
  const [chosen, choose] = useMutation(CHOOSE);
  const error = cancelled.error ?? chosen.error;
  const refusals = [
    ...(cancelled.data?.cancelPayment?.userErrors ?? []),
    ...(chosen.data?.choosePaymentApprovalMethod?.userErrors ?? []),
  ];
  return (
    <Screen title={t.paymentTitle}>
      <Loaded of={asked} again={() => ask({ requestPolicy: "network-only" })}>
        {({ viewer }) => {
          const payment = unmask(DETAILS, viewer?.payment);
          if (!payment) return <p>{t.unknownPayment}</p>;
          const { authorisation, cancellation } = payment;
          return (
            <>
              <div className="card">
                <p className="big">
                  <Money of={payment.amount} />
                </p>
                <p role="status">
                  <Status of={payment.status} />
                </p>
                {payment.failure && <p className="problem">{payment.failure.message}</p>}
                {payment.inDoubt && <p className="problem">{t.inDoubt}</p>}
                {payment.status === "AUTHORISATION_REQUIRED" &&
                  (warningsOf.get(id) ?? []).map((message) => (
                    <p className="warning" key={message}>
                      {message}
                    </p>
                  ))}
                <dl>
                  <div>
                    <dt>{t.to}</dt>
                    <dd>
                      {payment.creditor.name}, {payment.creditor.account}
                    </dd>
                  </div>
                  {payment.debtorAccount && (
                    <div>
                      <dt>{t.from}</dt>
                      <dd>
                        {payment.debtorAccount.name} {payment.debtorAccount.maskedNumber}
                      </dd>
                    </div>
                  )}
                  {payment.kid && (
                    <div>
                      <dt>{t.kid}</dt>
                      <dd>{payment.kid}</dd>
                    </div>
                  )}
                  <div>
                    <dt>{payment.scheduledFor ? t.scheduledFor : t.created}</dt>
                    <dd>
                      <When at={payment.scheduledFor ?? payment.createdAt} />
                    </dd>
                  </div>
                  {payment.refundStatus !== "NONE" && (
                    <div>
                      <dt>{t.refunded}</dt>
                      <dd>
                        <Money of={payment.refundedAmount} />
                      </dd>
                    </div>
                  )}
                  {payment.receipt && (
                    <div>
                      <dt>{t.receipt}</dt>
                      <dd>{payment.receipt.number}</dd>
                    </div>
                  )}
                </dl>
                {authorisation?.kind === "DECOUPLED" && <InApp {...authorisation} />}
                {authorisation?.kind === "CHOICE" && (
                  <Methods
                    of={authorisation.methods}
                    onChoose={(methodId) => void choose({ input: { paymentId: id, methodId } })}
                  />
                )}
                <p className="actions">
                  {authorisation?.kind === "REDIRECT" && authorisation.url && (
                    <a className="button primary" href={authorisation.url}>
                      {t.approve}
                    </a>
                  )}
                  {cancellation?.authorisation?.url && (
                    <a className="button primary" href={cancellation.authorisation.url}>
                      {t.approve}
                    </a>
                  )}
                  {OPEN.includes(payment.status) && !cancellation && (
                    <button disabled={cancelled.fetching} onClick={() => void cancel({ input: { id } })}>
                      {t.cancelPayment}
                    </button>
                  )}
                </p>
                <Refusals of={refusals} />
                {error && <Trouble error={error} />}
              </div>
              <h2>{t.history}</h2>
              <ol className="rows">
                {payment.history.edges.map(({ node }) => (
                  <li key={node.version}>
                    <span className="grow">
                      <Status of={node.status} />
                      {node.kind !== "STATUS" && <small>{node.kind}</small>}
                    </span>
                    <small>
                      <When at={node.at} />
                    </small>
                  </li>
                ))}
              </ol>
            </>
          );
        }}
      </Loaded>
    </Screen>
  );
}
