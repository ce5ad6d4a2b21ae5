"""The languages that Drop speaks, and which of them a person reads."""

from datetime import date
from typing import Final

from babel import Locale
from babel.dates import format_date

NORWEGIAN: Final = "nb-NO"
ENGLISH: Final = "en-GB"
LOCALES: Final = (NORWEGIAN, ENGLISH)
DEFAULT: Final = NORWEGIAN
# By the primary subtag (RFC 5646): who reads Nynorsk or English of any country is served by the one that Drop has.
_OF_LANGUAGE: Final = {"nb": NORWEGIAN, "nn": NORWEGIAN, "no": NORWEGIAN, "en": ENGLISH, "*": DEFAULT}
# A header is the client's own text. What lies beyond this is not read.
_MAX_CHARACTERS: Final = 1000
_MAX_RANGES: Final = 20


def accepted(accept_language: object) -> str:
    """The locale that an `Accept-Language` asks for (RFC 9110, 12.5.4), `DEFAULT` where it names none of ours.

    Never fails: what cannot be read is passed over, and a value that is no text names nothing.
    """
    if not isinstance(accept_language, str):
        return DEFAULT
    ranges = [_range(part) for part in accept_language[:_MAX_CHARACTERS].split(",")[:_MAX_RANGES]]
    wanted = [(locale, quality) for locale, quality in ranges if locale is not None and quality > 0]
    # `max` takes the first of equals: the client's own order decides.
    return max(wanted, key=lambda each: each[1], default=(DEFAULT, 0.0))[0]


def formatted_day(day: date, locale: str) -> str:
    """For people, by CLDR: `27. november 2026` in nb-NO. `locale` is one of `LOCALES`."""
    return format_date(day, "long", locale=Locale.parse(locale, sep="-"))


def _range(part: str) -> tuple[str | None, float]:
    tag, _, weight = part.partition(";")
    name, _, quality = weight.strip().partition("=")
    try:
        weighed = float(quality) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return None, 0.0
    # `not a <= b` is true of NaN, too.
    if not 0 <= weighed <= 1:
        return None, 0.0
    return _OF_LANGUAGE.get(tag.strip().lower().partition("-")[0]), weighed
