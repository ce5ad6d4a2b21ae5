/** What went wrong, as a screen needs it: one kind each that calls for another reaction. */
import type { ErrorCode, UserErrorCode } from "./schema.ts";

/** An error beside the data, as every GraphQL client gives it. */
export interface TopLevelError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

export type Failure =
  /** No answer came: the line is down, or the gateway is. */
  | { readonly kind: "offline" }
  /** Nobody is signed in any more: show the sign-in. */
  | { readonly kind: "signed-out" }
  /** BankID must be answered again: open the sign-in with `step_up=true`. */
  | { readonly kind: "step-up" }
  /** Send the same again, a mutation with its idempotency key, after so many seconds. */
  | { readonly kind: "again"; readonly afterS: number; readonly message: string | null }
  /** It will not work by itself. `reference` is what an operator finds it by. */
  | { readonly kind: "fault"; readonly message: string | null; readonly reference: string | null };

const AGAIN: ReadonlySet<string> = new Set<`${ErrorCode}`>([
  "PROVIDER_UNAVAILABLE",
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "RATE_LIMITED",
]);
const PAUSE_S = 5;

/** The first of the errors decides; none at all means that no answer came. */
export function failureOf(errors: readonly TopLevelError[]): Failure {
  const extensions = errors[0]?.extensions;
  if (errors[0] === undefined) return { kind: "offline" };
  const { code, userMessage, retryAfter, reference } = extensions ?? {};
  const message = typeof userMessage === "string" ? userMessage : null;
  if (code === ("UNAUTHENTICATED" satisfies `${ErrorCode}`)) return { kind: "signed-out" };
  if (code === ("STEP_UP_REQUIRED" satisfies `${ErrorCode}`)) return { kind: "step-up" };
  if (typeof code === "string" && AGAIN.has(code)) {
    return { kind: "again", afterS: typeof retryAfter === "number" ? retryAfter : PAUSE_S, message };
  }
  return { kind: "fault", message, reference: typeof reference === "string" ? reference : null };
}

/** A mutation's refusal by a rule. */
export interface Refusal {
  readonly code: `${UserErrorCode}`;
  readonly message: string;
  readonly field?: readonly string[] | null | undefined;
  readonly retryable: boolean;
}

/** The sentence to show beside an input, by the last name of the refusal's `field`. */
export function refusedAt(refusals: readonly Refusal[], input: string): string | undefined {
  return refusals.find(({ field }) => field?.includes(input))?.message;
}

/** Refusals that belong to no input of the form. */
export function refusedElsewhere(refusals: readonly Refusal[], inputs: readonly string[]): readonly Refusal[] {
  return refusals.filter(({ field }) => !field?.some((name) => inputs.includes(name)));
}
