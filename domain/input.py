"""Checks that many inputs share. Each adds its faults to a list, so that a client sees all of them at once."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from domain.errors import InvalidInput, Refusal, Refusals
from domain.money import MAX_PAYMENT_MINOR, NOK, Money
from domain.text import Value

MIN_KEY: Final = 8
MAX_KEY: Final = 128
_EMOJI: Final = "\u2190-\u2bff\U0001f000-\U0001faff"
# Emoji made of several, such as a family, and flags such as England's. Elsewhere a joiner only hides something.
_JOINERS: Final = re.compile(
    f"(?<=[\ufe0f{_EMOJI}])\u200d(?=[{_EMOJI}])|(?<=\U0001f3f4)[\U000e0020-\U000e007e]+\U000e007f"
)
# Soft hyphens, zero-width spaces and the marks of a direction or of a file's beginning.
_SHOWS_NOTHING: Final = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
_AMOUNT: Final = ("amount", "amountMinor")


def fault(
    code: str, message: str, *field: str, text: str | None = None, values: Mapping[str, Value] | None = None
) -> InvalidInput:
    """A fault of an input; `field` is the path below `input`. See `Refusal` for `text` and `values`."""
    return InvalidInput(code, message, field=("input", *field), text=text, values=values)


def is_readable(text: str) -> bool:
    """Whether every character can be shown: printable ones, blanks of any width, and joiners between emoji."""
    return all(unicodedata.category(one) == "Zs" or one.isprintable() for one in _JOINERS.sub("", text))


def name_of(character: str) -> str:
    """The character as a person can see it: itself, or its number (U+202E) where it shows nothing."""
    return character if unicodedata.category(character)[0] in "LNPS" else f"U+{ord(character):04X}"


def clean_text(text: str) -> str:
    """The text with single spaces, in Unicode's composed form (NFC): one word is written one way.

    Marks that show nothing, as texts copied from web pages have them, are left out.
    """
    return " ".join(unicodedata.normalize("NFC", _SHOWS_NOTHING.sub("", text)).split())


def checked_text(text: str, field: str, longest: int, faults: list[Refusal]) -> str:
    """The text with single spaces. Adds INVALID_TEXT where it is empty, longer than `longest` or unprintable."""
    clean = clean_text(text)
    if not 0 < len(clean) <= longest:
        faults.append(refused_length(field, longest))
    elif not is_readable(clean):
        faults.append(refused_characters(field, [one for one in clean if not is_readable(one)]))
    return clean


def refused_length(field: str, longest: int) -> InvalidInput:
    """The fault of a text that is empty or too long."""
    message = f"Give 1 to {longest} printable characters."
    return fault("INVALID_TEXT", message, field, text="TEXT_LENGTH", values={"longest": longest})


def refused_characters(field: str, characters: Iterable[str]) -> InvalidInput:
    """The fault of a text with characters that cannot be used, which are named."""
    names = " ".join(dict.fromkeys(map(name_of, characters)))
    message = f"These characters cannot be used: {names}"
    return fault("INVALID_TEXT", message, field, text="TEXT_CHARACTERS", values={"characters": names})


def check_amount(amount_minor: int, currency: str, faults: list[Refusal], *, least_minor: int = 1) -> None:
    """Adds a fault unless the amount is in NOK, from `least_minor` oere up to the largest payment."""
    if currency != NOK:
        faults.append(fault("UNSUPPORTED_CURRENCY", "Payments are in NOK.", "amount", "currency"))
    if amount_minor <= 0:
        faults.append(fault("INVALID_AMOUNT", "The amount must be above zero.", *_AMOUNT))
    elif amount_minor < least_minor:
        message = f"amountMinor must be {least_minor} at least."
        faults.append(
            fault("INVALID_AMOUNT", message, *_AMOUNT, text="AMOUNT_BELOW_LEAST", values={"least": Money(least_minor)})
        )
    elif amount_minor > MAX_PAYMENT_MINOR:
        message = f"amountMinor may be {MAX_PAYMENT_MINOR} at most."
        faults.append(
            fault(
                "INVALID_AMOUNT",
                message,
                *_AMOUNT,
                text="AMOUNT_ABOVE_LARGEST",
                values={"largest": Money(MAX_PAYMENT_MINOR)},
            )
        )


def is_key(key: str) -> bool:
    """Whether a text can be an idempotency key: printable ASCII of the right length, without blanks at its ends."""
    return MIN_KEY <= len(key) <= MAX_KEY and key.isascii() and key.isprintable() and key == key.strip()


def check_key(key: str, faults: list[Refusal]) -> None:
    """Adds a fault unless the text can be an idempotency key."""
    if not is_key(key):
        message = f"Give {MIN_KEY} to {MAX_KEY} printable ASCII characters, made anew for each payment."
        faults.append(fault("INVALID_IDEMPOTENCY_KEY", message, "idempotencyKey"))


def require_key(key: str) -> None:
    """Raises Refusals unless the idempotency key is well-formed."""
    faults: list[Refusal] = []
    check_key(key, faults)
    if faults:
        raise Refusals(faults)
