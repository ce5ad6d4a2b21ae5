import { useMutation, useQuery } from "urql";
import { signOut } from "../sign_out.ts";
import { graphql } from "../gql/index.ts";
import { TAGS, useTexts } from "../texts.ts";
import { Field, Loaded, Refusals, Screen, Trouble, When } from "../ui/parts.tsx";

const SETTINGS = graphql(`
  query Settings {
    viewer {
      id
      email
      phone
      locale
      sessions(first: 20) {
        edges {
          node {
            id
            client
            userAgent
            lastSeenAt
            endedAt
            isCurrent
          }
        }
      }
    }
  }
`);

const UPDATE = graphql(`
  mutation ChooseLanguage($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      user {
        id
        locale
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

const END = graphql(`
  mutation EndSession($input: EndSessionInput!) {
    endSession(input: $input) {
      session {
        id
        endedAt
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

export function Settings() {
  const { t, locale } = useTexts();
  const [asked, ask] = useQuery({ query: SETTINGS });
  const [updated, update] = useMutation(UPDATE);
  const [ended, end] = useMutation(END);
  const error = updated.error ?? ended.error;
  const refusals = [...(updated.data?.updateProfile?.userErrors ?? []), ...(ended.data?.endSession?.userErrors ?? [])];
  return (
    <Screen title={t.settingsTitle}>
      <Refusals of={refusals} />
      {error && <Trouble error={error} />}
      <Loaded of={asked} again={() => ask({ requestPolicy: "network-only" })}>
        {({ viewer }) =>
          viewer && (
            <>
              <h2>{t.profile}</h2>
              <dl>
                <div>
                  <dt>{t.email}</dt>
                  <dd>{viewer.email ?? t.notGiven}</dd>
                </div>
                <div>
                  <dt>{t.phone}</dt>
                  <dd>{viewer.phone ?? t.notGiven}</dd>
                </div>
              </dl>
              <Field label={t.language} name="locale">
                {(given) => (
                  <select
                    {...given}
                    value={TAGS[locale]}
                    onChange={({ target }) => void update({ input: { locale: target.value } })}
                  >
                    <option value={TAGS.nb}>Norsk</option>
                    <option value={TAGS.en}>English</option>
                  </select>
                )}
              </Field>
              <h2>{t.sessions}</h2>
              <ul className="rows">
                {viewer.sessions.edges
                  .map(({ node }) => node)
                  .filter(({ endedAt }) => !endedAt)
                  .map((session) => (
                    <li key={session.id}>
                      <span className="grow">
                        <strong>
                          {session.client === "WEB" ? t.web : t.mobile} {session.isCurrent && `(${t.thisOne})`}
                        </strong>
                        <small>
                          {t.lastSeen} <When at={session.lastSeenAt} />
                        </small>
                      </span>
                      {!session.isCurrent && (
                        <button onClick={() => void end({ input: { id: session.id } })}>{t.endSession}</button>
                      )}
                    </li>
                  ))}
              </ul>
              <p>
                <button onClick={() => void signOut()}>{t.signOut}</button>
              </p>
            </>
          )
        }
      </Loaded>
    </Screen>
  );
}
