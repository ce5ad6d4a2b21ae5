import { useState } from "react";
import { useMutation, useQuery } from "urql";
import { HERE } from "../gateway.ts";
import { type FragmentType, graphql, unmask } from "../gql/index.ts";
import { useTexts } from "../texts.ts";
import { InApp, Methods } from "../ui/approval.tsx";
import { Loaded, Refusals, Screen, Status, Trouble, When } from "../ui/parts.tsx";

const BANKS = graphql(`
  query Banks {
    viewer {
      id
      bankLinks(first: 20) {
        edges {
          node {
            ...BankLinkRow
          }
        }
      }
    }
    banks {
      id
      name
      partOf {
        id
      }
    }
  }
`);

const LINK = graphql(`
  fragment BankLinkRow on BankLink {
    id
    version
    status
    expiresAt
    unattendedReadsLeftToday
    bank {
      id
      name
    }
    authorisation {
      kind
      message
      challenge
    }
  }
`);

const ASKED = graphql(`
  fragment ConsentAsked on ConnectBankPayload {
    bankLink {
      ...BankLinkRow
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
    consentText {
      version
      text
    }
    userErrors {
      code
      message
      retryable
      field
    }
  }
`);

const CONNECT = graphql(`
  mutation ConnectBank($input: ConnectBankInput!) {
    connectBank(input: $input) {
      ...ConsentAsked
    }
  }
`);

const RENEW = graphql(`
  mutation RenewConsent($input: RenewConsentInput!) {
    renewConsent(input: $input) {
      ...ConsentAsked
    }
  }
`);

const CHOOSE = graphql(`
  mutation ChooseConsentApprovalMethod($input: ChooseConsentApprovalMethodInput!) {
    chooseConsentApprovalMethod(input: $input) {
      bankLink {
        ...BankLinkRow
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

const DISCONNECT = graphql(`
  mutation DisconnectBank($input: DisconnectBankInput!) {
    disconnectBank(input: $input) {
      bankLink {
        ...BankLinkRow
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

type Consent = FragmentType<typeof ASKED>;

export function Banks() {
  const { t } = useTexts();
  const [asked, ask] = useQuery({ query: BANKS });
  const [connected, connect] = useMutation(CONNECT);
  const [renewed, renew] = useMutation(RENEW);
  const [ended, disconnect] = useMutation(DISCONNECT);
  const [consent, setConsent] = useState<Consent | null>(null);
  const error = connected.error ?? renewed.error ?? ended.error;

  async function begin(answer: Promise<Consent | null | undefined>): Promise<void> {
    setConsent((await answer) ?? null);
  }

  return (
    <Screen title={t.banksTitle}>
      {consent && <ConsentStep consent={consent} />}
      <Refusals of={ended.data?.disconnectBank?.userErrors ?? []} />
      {error && <Trouble error={error} />}
      <Loaded of={asked} again={() => ask({ requestPolicy: "network-only" })}>
        {({ viewer, banks }) => (
          <>
            <h2>{t.yourBanks}</h2>
            {viewer?.bankLinks.edges.length === 0 && <p className="muted">{t.noBanks}</p>}
            <ul className="rows">
              {viewer?.bankLinks.edges.map(({ node }, index) => (
                <LinkRow
                  key={index}
                  link={node}
                  onRenew={(bankLinkId) =>
                    void begin(renew({ input: { bankLinkId, returnTo: HERE } }).then(({ data }) => data?.renewConsent))
                  }
                  onEnd={(bankLinkId) => void disconnect({ input: { bankLinkId } })}
                />
              ))}
            </ul>
            <h2>{t.otherBanks}</h2>
            <ul className="rows">
              {banks
                .filter(({ partOf }) => !partOf)
                .map(({ id, name }) => (
                  <li key={id}>
                    <span className="grow">{name}</span>
                    <button
                      disabled={connected.fetching}
                      aria-label={`${t.connect} ${name}`}
                      onClick={() =>
                        void begin(connect({ input: { bankId: id, returnTo: HERE } }).then(({ data }) => data?.connectBank))
                      }
                    >
                      {t.connect}
                    </button>
                  </li>
                ))}
            </ul>
          </>
        )}
      </Loaded>
    </Screen>
  );
}

/** What the user consents to, before they go on to the bank. */
function ConsentStep(props: { consent: Consent }) {
  const { t } = useTexts();
  const [chosen, choose] = useMutation(CHOOSE);
  const consent = unmask(ASKED, props.consent);
  const { authorisation, consentText, userErrors } = consent;
  const link = unmask(LINK, consent.bankLink);
  return (
    <section className="card" aria-label={t.youConsent}>
      <Refusals of={[...userErrors, ...(chosen.data?.chooseConsentApprovalMethod?.userErrors ?? [])]} />
      {chosen.error && <Trouble error={chosen.error} />}
      {consentText && (
        <>
          <h2>{t.youConsent}</h2>
          <p>{consentText.text}</p>
        </>
      )}
      {authorisation?.kind === "REDIRECT" && authorisation.url && (
        <a className="button primary" href={authorisation.url}>
          {t.goToBank}
        </a>
      )}
      {authorisation?.kind === "DECOUPLED" && <InApp message={authorisation.message} challenge={authorisation.challenge} />}
      {authorisation?.kind === "CHOICE" && link && !chosen.data && (
        <Methods
          of={authorisation.methods}
          onChoose={(methodId) => void choose({ input: { bankLinkId: link.id, methodId } })}
        />
      )}
    </section>
  );
}

interface LinkRowProps {
  readonly link: FragmentType<typeof LINK>;
  readonly onRenew: (id: string) => void;
  readonly onEnd: (id: string) => void;
}

function LinkRow({ link: masked, onRenew, onEnd }: LinkRowProps) {
  const { t } = useTexts();
  const link = unmask(LINK, masked);
  const name = link.bank?.name ?? link.id;
  return (
    <li className="wrap">
      <span className="grow">
        <strong>{name}</strong>
        <small>
          {link.status === "ACTIVE" && link.expiresAt && (
            <>
              {t.until} <When at={link.expiresAt} /> · {t.readsLeft}: {link.unattendedReadsLeftToday}
            </>
          )}
        </small>
      </span>
      <Status of={`link${link.status}`} />
      {link.authorisation?.kind === "DECOUPLED" && <InApp {...link.authorisation} />}
      {link.status !== "AWAITING_AUTHORISATION" && (
        <button onClick={() => onRenew(link.id)} aria-label={`${t.renew}: ${name}`}>
          {t.renew}
        </button>
      )}
      {link.status === "ACTIVE" && (
        <button onClick={() => onEnd(link.id)} aria-label={`${t.disconnect}: ${name}`}>
          {t.disconnect}
        </button>
      )}
    </li>
  );
}
