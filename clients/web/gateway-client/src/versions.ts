/** What is pushed and what is answered overtake each other: of two versions of an object the higher one counts. */
export class Versions {
  readonly #newest = new Map<string, number>();

  /** Whether an object in `data` is older than one that was seen before. Remembers what is newer. */
  isOlder(data: unknown): boolean {
    if (typeof data !== "object" || data === null) return false;
    if (Array.isArray(data)) return data.filter((member) => this.isOlder(member)).length > 0;
    const { __typename, id, version } = data as Readonly<Record<string, unknown>>;
    let older = false;
    if (typeof __typename === "string" && typeof id === "string" && typeof version === "number") {
      const name = `${__typename}:${id}`;
      const seen = this.#newest.get(name) ?? version;
      older = version < seen;
      this.#newest.set(name, Math.max(seen, version));
    }
    return Object.values(data).filter((member) => this.isOlder(member)).length > 0 || older;
  }
}
