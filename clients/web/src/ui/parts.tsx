// What more than one screen is made of.
import { dateText, type Failure, failureOf, type MoneyValue, moneyText, type Refusal } from "@drop/gateway-client";
import { type ReactNode, useEffect, useRef } from "react";
import type { CombinedError } from "urql";
import { GATEWAY, HERE } from "../gateway.ts";
import { named, useTexts } from "../texts.ts";

export function Screen({ title, children }: { title: string; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { t } = useTexts();
  // A screen reader begins at the new screen's heading.
  useEffect(() => {
    document.title = `${title} · ${t.appName}`;
    heading.current?.focus();
  }, [title, t]);
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </>
  );
}

export function Money({ of }: { of: MoneyValue }) {
  const { intl } = useTexts();
  return <span className="money">{moneyText(of, intl)}</span>;
}

export function When({ at }: { at: string }) {
  const { intl } = useTexts();
  return <time dateTime={at}>{dateText(at, intl)}</time>;
}

const GOOD = ["SETTLED", "kycAPPROVED", "linkACTIVE"];
const BAD = ["REJECTED", "FAILED", "CANCELLED", "EXPIRED", "kycREJECTED", "linkREJECTED", "linkEXPIRED", "linkREVOKED"];

export function Status({ of }: { of: string }) {
  const { t } = useTexts();
  return <span className={`status ${GOOD.includes(of) ? "good" : BAD.includes(of) ? "bad" : ""}`}>{named(t, of)}</span>;
}

export function failureIn(error: CombinedError): Failure {
  return failureOf(error.networkError ? [] : error.graphQLErrors);
}

export function Trouble({ error, again }: { error: CombinedError; again?: () => void }) {
  const { t } = useTexts();
  const failure = failureIn(error);
  return (
    <div className="card" role="alert">
      <p className="problem">{saidOf(failure, t)}</p>
      {failure.kind === "fault" && failure.reference && (
        <p>
          {t.reference}: <code>{failure.reference}</code>
        </p>
      )}
      {failure.kind === "step-up" && (
        <a className="button primary" href={`${GATEWAY}/auth/bankid/login?step_up=true&return_to=${encodeURIComponent(HERE)}`}>
          {t.confirm}
        </a>
      )}
      {again && <button onClick={again}>{t.tryAgain}</button>}
    </div>
  );
}

function saidOf(failure: Failure, t: ReturnType<typeof useTexts>["t"]): string {
  switch (failure.kind) {
    case "offline":
      return t.offline;
    case "signed-out":
      return t.sessionEnded;
    case "step-up":
      return t.confirmFirst;
    case "again":
      return failure.message ?? t.away;
    case "fault":
      return failure.message ?? t.fault;
  }
}

export function Refusals({ of }: { of: readonly Refusal[] }) {
  if (of.length === 0) return null;
  return (
    <div role="alert">
      {of.map(({ code, message }) => (
        <p className="problem" key={code + message}>
          {message}
        </p>
      ))}
    </div>
  );
}

interface Asked<Data> {
  readonly data?: Data | undefined;
  readonly error?: CombinedError | undefined;
  readonly fetching: boolean;
}

/** What was asked for, or why it is not there. What is known is shown while it is read anew. */
export function Loaded<Data>(props: { of: Asked<Data>; again: () => void; children: (data: Data) => ReactNode }) {
  const { t } = useTexts();
  const { data, error } = props.of;
  return (
    <>
      {error && <Trouble error={error} again={props.again} />}
      {data !== undefined && data !== null ? props.children(data) : !error && <p className="muted">{t.loading}</p>}
    </>
  );
}

interface FieldProps {
  readonly label: string;
  readonly name: string;
  readonly problem?: string | undefined;
  readonly children: (given: { id: string; name: string; "aria-invalid"?: true; "aria-describedby"?: string }) => ReactNode;
}

export function Field({ label, name, problem, children }: FieldProps) {
  const id = `field-${name}`;
  const told = problem ? ({ "aria-invalid": true, "aria-describedby": `${id}-problem` } as const) : {};
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, name, ...told })}
      {problem && (
        <p className="problem" id={`${id}-problem`} role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
