// Who is there decides what is shown: the sign-in, or the screens of the signed-in user, kept up to date by one subscription.
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { Provider, useQuery, useSubscription } from "urql";
import { gatewayClient, type LineState } from "./gateway.ts";
import { graphql } from "./gql/index.ts";
import { takeReturn, useRoute } from "./route.ts";
import { Account } from "./screens/Account.tsx";
import { Banks } from "./screens/Banks.tsx";
import { Home } from "./screens/Home.tsx";
import { Kyc } from "./screens/Kyc.tsx";
import { Pay } from "./screens/Pay.tsx";
import { Payment } from "./screens/Payment.tsx";
import { Payments } from "./screens/Payments.tsx";
import { Settings } from "./screens/Settings.tsx";
import { SignIn } from "./screens/SignIn.tsx";
import { Language, localeOf, type Locale, useTexts } from "./texts.ts";
import { failureIn, Trouble } from "./ui/parts.tsx";

const VIEWER = graphql(`
  query Viewer {
    viewer {
      id
      name
      locale
    }
  }
`);

const EVENTS = graphql(`
  subscription ViewerEvents($after: String) {
    viewerEvents(after: $after) {
      cursor
      kind
      type
      change
      objectId
      viewer {
        id
        locale
      }
      payment {
        ...PaymentDetails
      }
      kyc {
        ...KycState
      }
      bankLink {
        ...BankLinkRow
      }
      bankAccount {
        ...AccountRow
      }
    }
  }
`);

const returned = takeReturn();

export function App() {
  const [locale, setLocale] = useState<Locale>(() => localeOf(navigator.language));
  const [line, setLine] = useState<LineState>("connected");
  const [sessions, setSessions] = useState(0);
  const wasSignedOut = line === "signed-out";
  // What one person's cache holds is not for the next one.
  const talk = useMemo(() => gatewayClient(locale, setLine), [locale, sessions]);
  const spoken = useRef(talk);
  useEffect(() => {
    if (spoken.current !== talk) spoken.current.close();
    spoken.current = talk;
  }, [talk]);
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);

  const signedOut = () => {
    setLine("connected");
    setSessions((count) => count + 1);
  };
  return (
    <Language value={locale}>
      <Provider value={talk.client}>
        {wasSignedOut ? (
          <Ended onSeen={signedOut} />
        ) : (
          <Person key={sessions} line={line} onLocale={setLocale} />
        )}
      </Provider>
    </Language>
  );
}

function Ended({ onSeen }: { onSeen: () => void }) {
  const { t } = useTexts();
  return (
    <main id="content" className="narrow">
      <div className="card" role="alert">
        <p>{t.sessionEnded}</p>
        <button onClick={onSeen}>{t.signIn}</button>
      </div>
    </main>
  );
}

function Person({ line, onLocale }: { line: LineState; onLocale: (locale: Locale) => void }) {
  const [{ data, error }, ask] = useQuery({ query: VIEWER });
  const again = () => ask({ requestPolicy: "network-only" });
  const chosen = data?.viewer?.locale;
  useEffect(() => {
    if (chosen) onLocale(localeOf(chosen));
  }, [chosen, onLocale]);
  useReturnToOnline(line, error !== undefined, again);

  if (error && failureIn(error).kind !== "signed-out") {
    return (
      <main id="content" className="narrow">
        <Trouble error={error} again={again} />
      </main>
    );
  }
  if (data?.viewer) return <SignedIn name={data.viewer.name} line={line} />;
  return data || error ? <SignIn error={returned.error} /> : null;
}

/** Asks again once the line is there, where it was not. */
function useReturnToOnline(line: LineState, failed: boolean, again: () => void): void {
  useEffect(() => {
    if (!failed) return undefined;
    if (line === "connected") again();
    window.addEventListener("online", again);
    return () => window.removeEventListener("online", again);
  }, [line]);
}

function SignedIn({ name, line }: { name: string; line: LineState }) {
  const { t } = useTexts();
  useSubscription({ query: EVENTS, variables: {} });
  const route = useRoute();
  return (
    <>
      <a className="skip" href="#content" onClick={skip}>
        {t.skip}
      </a>
      <header className="top">
        <strong>{t.appName}</strong>
        <nav aria-label={t.appName}>
          {(["home", "pay", "payments", "banks", "settings"] as const).map((place) => (
            <a key={place} href={`#/${place === "home" ? "" : place}`} aria-current={(route[0] ?? "home") === place ? "page" : undefined}>
              {t[place]}
            </a>
          ))}
        </nav>
      </header>
      <p className="line" role="status">
        {line === "away" && t.offline}
      </p>
      <main id="content" tabIndex={-1}>
        {screenOf(route, name)}
      </main>
    </>
  );
}

function skip(event: React.MouseEvent): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function screenOf([place, id]: readonly string[], name: string): ReactNode {
  switch (place) {
    case "accounts":
      return id ? <Account key={id} id={id} /> : <Home name={name} />;
    case "pay":
      return <Pay />;
    case "payments":
      return id ? <Payment key={id} id={id} /> : <Payments />;
    case "banks":
      return <Banks />;
    case "kyc":
      return <Kyc />;
    case "settings":
      return <Settings />;
    default:
      return <Home name={name} />;
  }
}
