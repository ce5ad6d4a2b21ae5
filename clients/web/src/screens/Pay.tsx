import { IdempotencyKeys, minorOf, refusedAt, refusedElsewhere } from "@drop/gateway-client";
import { useState } from "react";
import { useMutation, useQuery } from "urql";
import { HERE } from "../gateway.ts";
import { graphql } from "../gql/index.ts";
import type { InitiatePaymentInput } from "../gql/graphql.ts";
import { go } from "../route.ts";
import { useTexts } from "../texts.ts";
import { Field, Loaded, Refusals, Screen, Trouble } from "../ui/parts.tsx";

const FROM = graphql(`
  query PayFrom {
    viewer {
      id
      bankAccounts(first: 50) {
        edges {
          node {
            id
            name
            maskedNumber
            currency
            available
          }
        }
      }
      payments(first: 10) {
        edges {
          node {
            id
            inDoubt
          }
        }
      }
    }
  }
`);

const PAY = graphql(`
  mutation Pay($input: InitiatePaymentInput!) {
    initiatePayment(input: $input) {
      payment {
        ...PaymentDetails
        id
      }
      warnings {
        code
        message
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

const CURRENCY = "NOK";
const WISH = "pay";
const INPUTS = ["debtorAccountId", "creditorName", "creditorAccount", "amount", "kid", "message", "executionDate"];
const keys = new IdempotencyKeys(sessionStorage);
/** What the gateway said of a payment before it was approved; gone after a reload. */
export const warningsOf = new Map<string, readonly string[]>();

export function Pay() {
  const { t } = useTexts();
  const [asked, ask] = useQuery({ query: FROM });
  const [answer, pay] = useMutation(PAY);
  const [amountProblem, setAmountProblem] = useState<string>();
  const refusals = answer.data?.initiatePayment?.userErrors ?? [];
  const problem = (name: string) => refusedAt(refusals, name);

  async function send(form: FormData, acceptDuplicateOf: string | null): Promise<void> {
    const of = (name: string) => String(form.get(name) ?? "").trim();
    const amountMinor = minorOf(of("amount"), CURRENCY);
    setAmountProblem(amountMinor === null ? t.amountInvalid : undefined);
    if (amountMinor === null) return;
    const wish: Omit<InitiatePaymentInput, "idempotencyKey"> = {
      debtorAccountId: of("debtorAccountId"),
      creditorName: of("creditorName"),
      creditorAccount: of("creditorAccount"),
      amount: { amountMinor, currency: CURRENCY },
      kid: of("kid") || null,
      message: of("message") || null,
      executionDate: of("executionDate") || null,
      acceptDuplicateOf,
      returnTo: HERE,
    };
    // While no answer has come, the same wish keeps its key: sent twice, it is one payment.
    const { data } = await pay({ input: { ...wish, idempotencyKey: await keys.keyOf(WISH, wish) } });
    const given = data?.initiatePayment;
    if (given && !given.userErrors.some(({ retryable }) => retryable)) await keys.done(WISH, wish);
    if (given?.payment && given.userErrors.length === 0) {
      warningsOf.set(given.payment.id, given.warnings.map(({ message }) => message));
      go(`payments/${given.payment.id}`);
    }
  }

  return (
    <Screen title={t.payTitle}>
      <Loaded of={asked} again={() => ask({ requestPolicy: "network-only" })}>
        {({ viewer }) => {
          const accounts = viewer?.bankAccounts.edges.map(({ node }) => node).filter(({ available }) => available) ?? [];
          const inDoubt = viewer?.payments.edges.find(({ node }) => node.inDoubt)?.node.id ?? null;
          if (accounts.length === 0) {
            return (
              <p className="card">
                {t.noAccounts} <a href="#/banks">{t.connectBank}</a>
              </p>
            );
          }
          return (
            <form
              noValidate
              onSubmit={(event) => {
                event.preventDefault();
                const submitter = (event.nativeEvent as SubmitEvent).submitter as HTMLButtonElement | null;
                void send(new FormData(event.currentTarget), submitter?.name === "anyway" ? inDoubt : null);
              }}
            >
              <Field label={t.fromAccount} name="debtorAccountId" problem={problem("debtorAccountId")}>
                {(given) => (
                  <select {...given}>
                    {accounts.map(({ id, name, maskedNumber }) => (
                      <option key={id} value={id}>
                        {name} {maskedNumber}
                      </option>
                    ))}
                  </select>
                )}
              </Field>
              <Field label={t.payee} name="creditorName" problem={problem("creditorName")}>
                {(given) => <input {...given} autoComplete="off" />}
              </Field>
              <Field label={t.payeeAccount} name="creditorAccount" problem={problem("creditorAccount")}>
                {(given) => <input {...given} autoComplete="off" />}
              </Field>
              <Field label={t.amount} name="amount" problem={amountProblem ?? problem("amount")}>
                {(given) => <input {...given} inputMode="decimal" autoComplete="off" />}
              </Field>
              <div className="pair">
                <Field label={t.kid} name="kid" problem={problem("kid")}>
                  {(given) => <input {...given} inputMode="numeric" autoComplete="off" />}
                </Field>
                <Field label={t.executionDate} name="executionDate" problem={problem("executionDate")}>
                  {(given) => <input {...given} type="date" />}
                </Field>
              </div>
              <Field label={t.message} name="message" problem={problem("message")}>
                {(given) => <input {...given} autoComplete="off" />}
              </Field>
              <Refusals of={refusedElsewhere(refusals, INPUTS)} />
              {refusals.some(({ code }) => code === "KYC_REQUIRED") && (
                <p>
                  <a href="#/kyc">{t.verify}</a>
                </p>
              )}
              {answer.error && <Trouble error={answer.error} />}
              <p className="actions">
                <button className="primary" disabled={answer.fetching}>
                  {t.payButton}
                </button>
                {inDoubt && refusals.some(({ code }) => code === "POSSIBLE_DUPLICATE") && (
                  <button name="anyway">{t.payAnyway}</button>
                )}
              </p>
            </form>
          );
        }}
      </Loaded>
    </Screen>
  );
}
