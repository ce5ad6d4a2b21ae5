import { GATEWAY, HERE } from "../gateway.ts";
import { useTexts } from "../texts.ts";
import { Screen } from "../ui/parts.tsx";

export function SignIn({ error }: { error: string | null }) {
  const { t } = useTexts();
  const said = { access_denied: t.signInCancelled, temporarily_unavailable: t.signInAway };
  return (
    <>
      <header className="top">
        <strong>{t.appName}</strong>
      </header>
      <main id="content" className="narrow">
        <Screen title={t.signInTitle}>
          <p className="muted">{t.signInLead}</p>
          {error && (
            <p className="problem" role="alert">
              {(said as Readonly<Record<string, string>>)[error] ?? t.signInFailed}
            </p>
          )}
          <p>
            <a className="button primary" href={`${GATEWAY}/auth/bankid/login?return_to=${encodeURIComponent(HERE)}`}>
              {t.signIn}
            </a>
          </p>
        </Screen>
      </main>
    </>
  );
}
