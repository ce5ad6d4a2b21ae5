"""Texts of payments in the letters that a bank takes: what it cannot take gets a plain form, or is refused by name.

Source: docs/vendors/norwegian_banks.md, Texts of payments.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from domain.errors import Refusal, Refusals
from domain.input import refused_characters, refused_length
from domain.payment_order import MAX_CREDITOR_NAME, MAX_MESSAGE, PaymentOrder
from domain.warning import MutationWarning, WarningCode

_DIGITS_AND_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_SEPA: Final = _DIGITS_AND_LETTERS | frozenset("/-?:().,'+ ")
_ASCII: Final = frozenset(map(chr, range(0x20, 0x7F)))
_LATIN_1_LETTERS: Final = frozenset(map(chr, range(0xC0, 0x100))) - frozenset("×÷")
# Letters that Unicode does not take apart, and marks as word processors and phones write them.
_PLAIN: Final[Mapping[str, str]] = {
    **dict(zip("øØðÐđĐłŁħĦıŋŊŧŦ×", "oOdDdDlLhHinNtTx", strict=True)),
    **dict(zip("æÆœŒßẞþÞ€£…", ("ae", "AE", "oe", "OE", "ss", "SS", "th", "TH", "EUR", "GBP", "..."), strict=True)),
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‐‑‒–—―−•·", "-"),
    "⁄": "/",
}
# How a sign is drawn, not which one it is.
_VARIATION_SELECTORS: Final = frozenset(map(chr, range(0xFE00, 0xFE10)))
# Only for banks that take no more than SEPA's letters. Source: EPC217-08, conversion table.
_PLAIN_IN_SEPA: Final[Mapping[str, str]] = {**dict(zip('"&_~;!\\|*[{]}', "'+--,.//.(())", strict=True)), "@": "(at)"}


class Letters(Enum):
    """The letters that a bank takes.

    `NORWEGIAN`: ASCII's printable characters and the letters of ISO 8859-1, of which æøå. `SEPA`: the Latin set that
    all banks of the SEPA schemes take (EPC217-08).
    """

    NORWEGIAN = _ASCII | _LATIN_1_LETTERS
    SEPA = _SEPA


@dataclass(frozen=True, slots=True)
class TextRules:
    """What a bank takes as a creditor's name and as a message: its letters, and the most characters of each."""

    letters: Letters = Letters.NORWEGIAN
    longest_name: int = MAX_CREDITOR_NAME
    longest_message: int = MAX_MESSAGE


NORWEGIAN_TEXTS: Final = TextRules()


def for_bank(order: PaymentOrder, rules: TextRules) -> tuple[PaymentOrder, Sequence[MutationWarning]]:
    """The order with its texts as the bank gets them, and a warning for each text that is sent otherwise than written.

    Raises Refusals with the fields whose characters have no plain form, or which are too long for the bank.
    """
    faults: list[Refusal] = []
    warnings: list[MutationWarning] = []
    name = _sent(order.creditor_name, "creditorName", rules.letters, rules.longest_name, faults, warnings)
    message = order.message
    if message is not None:
        message = _sent(message, "message", rules.letters, rules.longest_message, faults, warnings)
    if faults:
        raise Refusals(faults)
    return replace(order, creditor_name=name, message=message), warnings


def _sent(
    text: str, field: str, letters: Letters, longest: int, faults: list[Refusal], warnings: list[MutationWarning]
) -> str:
    forms = [_plain_after(text[:at], character, letters) for at, character in enumerate(text)]
    unknown = dict.fromkeys(character for character, form in zip(text, forms, strict=True) if form is None)
    if unknown:
        faults.append(refused_characters(field, unknown))
        return text
    sent = " ".join("".join(form or "" for form in forms).split())
    if not 0 < len(sent) <= longest:
        faults.append(refused_length(field, longest))
    elif sent != text:
        warnings.append(MutationWarning(WarningCode.TEXT_REPLACED, {"sent": sent}, field=("input", field)))
    return sent


def _plain_after(before: str, character: str, letters: Letters) -> str | None:
    """The character as the bank takes it after the text before it, None where it has no such form."""
    last = next((one for one in reversed(before) if unicodedata.category(one) != "Mn"), "")
    is_mark = unicodedata.category(character) == "Mn" and character not in _VARIATION_SELECTORS
    if is_mark and not last.isalpha():
        return None  # it makes another sign of the sign before it
    form = _plain(character, letters)
    # One and a half is not eleven halves.
    return f" {form}" if form is not None and last.isdigit() and _is_fraction(character) else form


def _plain(character: str, letters: Letters) -> str | None:
    """The character as the bank takes it, None where it has no such form."""
    if character in letters.value:
        return character
    if unicodedata.category(character) == "Mn":
        return ""  # a mark on the letter before it
    form = _PLAIN.get(character)
    if form is None and letters is Letters.SEPA:
        form = _PLAIN_IN_SEPA.get(character)
    if form is None:
        form = _taken_apart(character)
    if form is None or form == character:
        return None
    # A form may need a form itself: a typographic quotation mark is a plain one, which SEPA's letters lack.
    found = [_plain(part, letters) for part in form]
    return None if None in found else "".join(part or "" for part in found)


def _taken_apart(character: str) -> str | None:
    """Unicode's plain form, None where it would read as something else: ≠ as =, or 2² as 22."""
    form = unicodedata.normalize("NFKD", character)
    has_mark = any(unicodedata.category(part) == "Mn" for part in form)
    is_number = unicodedata.category(character) == "No" and not _is_fraction(character)
    return None if is_number or (has_mark and not character.isalpha()) else form


def _is_fraction(character: str) -> bool:
    return unicodedata.decomposition(character).startswith("<fraction>")
