/** Idempotency keys that survive a reload: the same wish has the same key until its answer is known. */

/** What is used of `sessionStorage`. */
export type KeyStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

interface Kept {
  readonly key: string;
  readonly digest: string;
}

/** The keys of one browser tab. Only keys are kept, and a digest of what was asked: no amount and no name. */
export class IdempotencyKeys {
  readonly #store: KeyStore;

  constructor(store: KeyStore) {
    this.#store = store;
  }

  /** The key of a wish: the one from before a reload where the same is asked, a new one for anything else. */
  async keyOf(wish: string, input: unknown): Promise<string> {
    const digest = await digestOf(input);
    const kept = this.#read(wish);
    if (kept?.digest === digest) return kept.key;
    const key = crypto.randomUUID();
    this.#store.setItem(nameOf(wish), JSON.stringify({ key, digest } satisfies Kept));
    return key;
  }

  /** The answer is known: asking for the same again is another wish. */
  done(wish: string): void {
    this.#store.removeItem(nameOf(wish));
  }

  #read(wish: string): Kept | null {
    try {
      return JSON.parse(this.#store.getItem(nameOf(wish)) ?? "null") as Kept | null;
    } catch {
      return null;
    }
  }
}

const nameOf = (wish: string) => `drop.key.${wish}`;

async function digestOf(input: unknown): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(input)));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
