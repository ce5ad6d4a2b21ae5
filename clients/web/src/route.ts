// Where the person is: `#/pay` and the like, so that any address of the page is served by one file.
import { useSyncExternalStore } from "react";

function subscribe(onChange: () => void): () => void {
  window.addEventListener("hashchange", onChange);
  return () => window.removeEventListener("hashchange", onChange);
}

/** The parts of the address after `#/`, such as `["payments", "pay_1"]`. */
export function useRoute(): readonly string[] {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return hash.replace(/^#\/?/, "").split("/").filter(Boolean);
}

export function go(path: string): void {
  location.hash = `#/${path}`;
}

/** What a page of another party has brought along in the address. It is taken once: a reload is no second return. */
export interface Return {
  readonly error: string | null;
}

export function takeReturn(): Return {
  const here = new URL(location.href);
  const taken = new Map(here.searchParams);
  const payment = taken.get("payment");
  const hash = payment
    ? `#/payments/${payment}`
    : taken.has("bankLink")
      ? "#/banks"
      : taken.has("kyc")
        ? "#/kyc"
        : here.hash;
  for (const name of ["payment", "bankLink", "outcome", "error", "state", "kyc"]) here.searchParams.delete(name);
  here.hash = hash;
  if (taken.size > 0) history.replaceState(null, "", here);
  return { error: taken.get("error") ?? null };
}
