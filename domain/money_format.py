"""How people of a locale write an amount of money: read from CLDR once for each locale and currency."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, Self

from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol, get_group_symbol, parse_pattern

# CLDR parts a currency's letters from its amount by a no-break space (UTS 35, Currency Spacing), which Babel does not.
_LETTER_AND_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)")
# Clients name locales as they like.
_KEPT: Final = 512
_SAMPLE_MINOR: Final = 12_345


@dataclass(frozen=True, slots=True)
class _Digits:
    """How a number without a sign is written. `grouping` are the sizes of the last group and of those before it."""

    decimals: int
    decimal_symbol: str
    group_symbol: str
    grouping: tuple[int, int]

    def of(self, minor: int) -> str:
        """A number of minor units, 0 or more."""
        whole, fraction = divmod(minor, 10**self.decimals)
        written = self._grouped(str(whole))
        return f"{written}{self.decimal_symbol}{fraction:0{self.decimals}d}" if self.decimals else written

    def _grouped(self, whole: str) -> str:
        size, groups = self.grouping[0], list[str]()
        while len(whole) > size:
            groups.append(whole[-size:])
            whole, size = whole[:-size], self.grouping[1]
        return self.group_symbol.join([whole, *reversed(groups)])


@dataclass(frozen=True, slots=True)
class MoneyFormat:
    """Writes amounts of one currency for one locale as Babel does, which would read CLDR again for each amount.

    `positive` and `negative` are what stands before and after the digits.
    """

    _digits: _Digits
    _positive: tuple[str, str]
    _negative: tuple[str, str]

    def write(self, amount_minor: int) -> str:
        """The amount as text."""
        before, after = self._negative if amount_minor < 0 else self._positive
        return f"{before}{self._digits.of(abs(amount_minor))}{after}"

    @classmethod
    def of(cls, locale: Locale, currency: str, decimals: int) -> Self:
        """By the locale's standard pattern for currencies, with ISO 4217's decimals.

        CLDR rounds dinars of Iraq and Serbia to whole ones.
        """
        # Parsed anew, so that the pattern that Babel keeps stays as it is.
        pattern = parse_pattern(locale.currency_formats["standard"].pattern)
        pattern.frac_prec = (decimals, decimals)
        symbols = get_decimal_symbol(locale), get_group_symbol(locale)
        digits = _Digits(decimals, *symbols, (pattern.grouping[0], pattern.grouping[1]))

        def around(minor: int) -> tuple[str, str]:
            amount = Decimal(minor).scaleb(-decimals)
            text = str(pattern.apply(amount, locale, currency=currency, currency_digits=False))
            before, _, after = _LETTER_AND_DIGIT.sub("\u00a0", text).partition(digits.of(abs(minor)))
            return before, after

        return cls(digits, around(_SAMPLE_MINOR), around(-_SAMPLE_MINOR))


@lru_cache(_KEPT)
def money_format(locale: str, currency: str, decimals: int) -> MoneyFormat:
    """The format for a BCP 47 or POSIX tag. An unknown locale is nb-NO."""
    return MoneyFormat.of(_known(locale), currency, decimals)


def _known(locale: str) -> Locale:
    try:
        return Locale.parse(locale, sep="-" if "-" in locale else "_")
    except (UnknownLocaleError, ValueError):
        return Locale("nb", "NO")
