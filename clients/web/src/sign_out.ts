import { GATEWAY } from "./gateway.ts";

/** Ends the session. BankID may keep one of its own, which its page ends. */
export async function signOut(): Promise<void> {
  const response = await fetch(`${GATEWAY}/auth/logout`, {
    method: "POST",
    credentials: "include",
    headers: { "x-drop-csrf": "1", accept: "application/json" },
  });
  if (response.status === 200) location.assign(((await response.json()) as { endSessionUrl: string }).endSessionUrl);
  else location.assign(location.pathname + location.search);
}
