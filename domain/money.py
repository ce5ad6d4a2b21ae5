"""Money: integer minor units and an ISO 4217 code, never a float."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.money_format import money_format

NOK: Final = "NOK"
# ISO 4217, table A.1, column "Minor unit": every other currency has two decimals.
_EXPONENTS: Final = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,8})?", re.ASCII)
_LARGEST: Final = 2**63 - 1  # what a column of the database holds
MINOR_PER_MAJOR: Final = 100
# One million kroner: a slip of the finger above it is likelier than a payment.
MAX_PAYMENT_MINOR: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor unit by ISO 4217 (NOK: oere, JPY: yen). Negative amounts are debits."""

    amount_minor: int
    currency: str = NOK

    def formatted(self, locale: str = "nb-NO") -> str:
        """For people, by CLDR with the decimals of ISO 4217: `1 234,50 kr` in nb-NO. An unknown locale is nb-NO."""
        return money_format(locale, self.currency, exponent_of(self.currency)).write(self.amount_minor)


def exponent_of(currency: str) -> int:
    """How many decimals a currency has by ISO 4217: NOK 2, JPY 0, KWD 3."""
    return _EXPONENTS.get(currency, 2)


def minor_of(decimal: str, currency: str = NOK) -> int:
    """Minor units of a vendor's decimal string: `"123.45"` in NOK gives 12345.

    Raises ValueError for what is no plain decimal number, on more decimals than the currency has, and beyond 64 bits.
    """
    if not _DECIMAL.fullmatch(decimal):
        raise ValueError("not a decimal number")
    minor = Decimal(decimal).scaleb(exponent_of(currency))
    if minor != minor.to_integral_value():
        raise ValueError("more decimals than the currency has")
    if abs(minor) > _LARGEST:
        raise ValueError("too large an amount")
    return int(minor)


def decimal_of(amount_minor: int, currency: str = NOK) -> str:
    """A decimal string for a vendor: 12345 in NOK gives `"123.45"`."""
    return format(Decimal(amount_minor).scaleb(-exponent_of(currency)), "f")
