"""Money: integer minor units and an ISO 4217 code, never a float."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision

NOK: Final = "NOK"
MINOR_PER_MAJOR: Final = 100
# One million kroner: a slip of the finger above it is likelier than a payment.
MAX_PAYMENT_MINOR: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor unit (NOK: oere). Negative amounts are debits."""

    amount_minor: int
    currency: str = NOK

    def formatted(self, locale: str = "nb-NO") -> str:
        """For people, by CLDR: `1 234,50 kr` in nb-NO. An unknown locale is taken as nb-NO."""
        precision = get_currency_precision(self.currency)
        amount = Decimal(self.amount_minor).scaleb(-precision)
        return format_currency(amount, self.currency, locale=_known(locale))


def _known(locale: str) -> Locale:
    try:
        return Locale.parse(locale, sep="-" if "-" in locale else "_")
    except (UnknownLocaleError, ValueError):
        return Locale("nb", "NO")


def minor_of(decimal: str) -> int:
    """Minor units of a vendor's decimal string: `"123.45"` gives 12345. Raises ValueError on more than two decimals."""
    minor = Decimal(decimal).scaleb(2)
    if minor != minor.to_integral_value():
        raise ValueError(f"{decimal!r} has more decimals than the currency")
    return int(minor)


def decimal_of(amount_minor: int) -> str:
    """A decimal string for a vendor: 12345 gives `"123.45"`."""
    return str(Decimal(amount_minor).scaleb(-2))
