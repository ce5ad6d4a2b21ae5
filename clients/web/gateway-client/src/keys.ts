/** Idempotency keys that survive a reload: the same wish has the same key until its answer is known. */

/** What is used of `sessionStorage`. */
export type KeyStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** The keys of one browser tab. Only keys are kept, each by a digest of what was asked: no amount and no name. */
export class IdempotencyKeys {
  readonly #store: KeyStore;

  constructor(store: KeyStore) {
    this.#store = store;
  }

  /** The key of a wish: the one from before a reload where the same is asked, a new one for anything else. */
  async keyOf(wish: string, input: unknown): Promise<string> {
    const name = await nameOf(wish, input);
    const kept = this.#store.getItem(name);
    if (kept !== null) return kept;
    const key = crypto.randomUUID();
    this.#store.setItem(name, key);
    return key;
  }

  /** The answer is known: asking for the same again is another wish. */
  async done(wish: string, input: unknown): Promise<void> {
    this.#store.removeItem(await nameOf(wish, input));
  }
}

async function nameOf(wish: string, input: unknown): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(input)));
  const digest = Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `drop.key.${wish}.${digest}`;
}
