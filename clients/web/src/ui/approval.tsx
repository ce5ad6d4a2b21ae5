// How a user approves at their bank where no page of it opens.
import { useTexts } from "../texts.ts";

export function Methods(props: { of: readonly { id: string; name: string }[]; onChoose: (id: string) => void }) {
  const { t } = useTexts();
  return (
    <fieldset>
      <legend>{t.chooseMethod}</legend>
      {props.of.map(({ id, name }) => (
        <button key={id} onClick={() => props.onChoose(id)}>
          {name}
        </button>
      ))}
    </fieldset>
  );
}

/** What the bank's app is to be compared with. */
export function InApp({ message, challenge }: { message?: string | null | undefined; challenge?: string | null | undefined }) {
  const { t } = useTexts();
  return (
    <div className="card">
      <p>
        <strong>{t.approveInApp}</strong>
      </p>
      {message && <p>{message}</p>}
      {challenge?.startsWith("data:") ? <img src={challenge} alt={t.approveInApp} /> : challenge && <p className="big">{challenge}</p>}
    </div>
  );
}
