import { useState } from "react";
import { useMutation, useQuery } from "urql";
import { HERE } from "../gateway.ts";
import { graphql, unmask } from "../gql/index.ts";
import { useTexts } from "../texts.ts";
import { Loaded, Refusals, Screen, Status, Trouble } from "../ui/parts.tsx";

const KYC = graphql(`
  query Kyc {
    viewer {
      id
      kyc {
        ...KycState
      }
    }
  }
`);

const STATE = graphql(`
  fragment KycState on Kyc {
    id
    version
    status
    retryRequired
    canRetry
  }
`);

const START = graphql(`
  mutation StartKyc($input: StartKycInput) {
    startKyc(input: $input) {
      kyc {
        ...KycState
      }
      accessToken {
        url
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

const RETRY = graphql(`
  mutation RetryKyc($input: StartKycInput) {
    retryKyc(input: $input) {
      kyc {
        ...KycState
      }
      accessToken {
        url
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

export function Kyc() {
  const { t } = useTexts();
  const [asked, ask] = useQuery({ query: KYC });
  const [started, start] = useMutation(START);
  const [retried, retry] = useMutation(RETRY);
  const [form, setForm] = useState<string | null>(null);
  const input = { returnTo: `${HERE}${HERE.includes("?") ? "&" : "?"}kyc=returned` };
  const error = started.error ?? retried.error;
  const refusals = retried.data?.retryKyc?.userErrors ?? started.data?.startKyc?.userErrors ?? [];

  async function begin(again: boolean): Promise<void> {
    const answer = again ? (await retry({ input })).data?.retryKyc : (await start({ input })).data?.startKyc;
    setForm(answer?.accessToken?.url ?? null);
  }

  return (
    <Screen title={t.kycTitle}>
      <Loaded of={asked} again={() => ask({ requestPolicy: "network-only" })}>
        {({ viewer }) => {
          if (!viewer) return null;
          const kyc = unmask(STATE, viewer.kyc);
          const isOpen = kyc.status === "PENDING" && !kyc.retryRequired;
          return (
            <>
              <p role="status">
                <Status of={`kyc${kyc.status}`} />
              </p>
              {kyc.status === "APPROVED" && (
                <p>
                  {t.kycDone} <a href="#/banks">{t.connectBank}</a>
                </p>
              )}
              {kyc.status === "REJECTED" && !kyc.canRetry && <p>{t.kycFinal}</p>}
              {kyc.retryRequired && <p>{t.kycAgain}</p>}
              {isOpen && <p className="muted">{t.kycWaiting}</p>}
              {form && isOpen ? (
                <a className="button primary" href={form}>
                  {t.kycOpen}
                </a>
              ) : (
                <>
                  {kyc.canRetry && (
                    <button className="primary" onClick={() => void begin(true)}>
                      {t.kycRetry}
                    </button>
                  )}
                  {!kyc.canRetry && (kyc.status === "NOT_STARTED" || isOpen) && (
                    <button className="primary" onClick={() => void begin(false)}>
                      {isOpen ? t.kycOpen : t.kycStart}
                    </button>
                  )}
                </>
              )}
            </>
          );
        }}
      </Loaded>
      <Refusals of={refusals} />
      {error && <Trouble error={error} />}
    </Screen>
  );
}
