/** Reads and writes money. An amount travels as a string of digits in minor units, since JSON numbers lose precision. */

export interface MoneyValue {
  readonly amountMinor: string;
  readonly currency: string;
}

/** How many digits of a currency stand after the decimal sign: 2 of NOK, 0 of JPY. */
function digitsOf(currency: string): number {
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/** Money as people read it: `1 234,50 kr` in nb. Exact for any size, as no float is on the way. */
export function moneyText({ amountMinor, currency }: MoneyValue, locale: string): string {
  const digits = digitsOf(currency);
  const bare = amountMinor.replace("-", "").padStart(digits + 1, "0");
  const cut = bare.length - digits;
  const decimal = digits === 0 ? bare : `${bare.slice(0, cut)}.${bare.slice(cut)}`;
  const signed = amountMinor.startsWith("-") ? `-${decimal}` : decimal;
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(signed as Intl.StringNumericLiteral);
}

/** What a person typed, such as `1 234,5`, in minor units; null where it is no amount above zero. */
export function minorOf(typed: string, currency: string): string | null {
  const digits = digitsOf(currency);
  const parts = /^(\d{1,12})(?:[.,](\d*))?$/.exec(typed.replace(/[\s\u00a0\u202f]/g, ""));
  if (!parts || (parts[2] ?? "").length > digits) return null;
  const minor = `${parts[1]}${(parts[2] ?? "").padEnd(digits, "0")}`.replace(/^0+/, "");
  return minor === "" ? null : minor;
}

/** A `DateTime` or `Date` as people read it. A `Date` has no time zone and must not get one. */
export function dateText(value: string, locale: string): string {
  if (value.includes("T")) {
    return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(value));
  }
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(`${value}T00:00:00Z`));
}
