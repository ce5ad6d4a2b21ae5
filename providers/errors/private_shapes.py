"""The shapes of what is private: fields of our own types, tokens that we and vendors make, and how people write."""

import re
from dataclasses import fields
from http import HTTPStatus
from typing import Final
from unicodedata import category

from domain.account_number import is_kid
from domain.payment_order import PaymentInput
from domain.profile import Address
from domain.user import User
from providers.identity.port import Identity

REMOVED: Final = "[removed]"
# Of these types every text is private but for what stands here.
_PRIVATE_TYPES: Final = (Address, Identity, PaymentInput, User)
_PUBLIC: Final = frozenset(
    {"id", "issuer", "locale", "country", "currency", "created_at", "authenticated_at", "execution_date"}
    | {"amount_minor", "debtor_account_id", "accept_duplicate_of", "is_normalised", "preferences"}
)
_FIELDS: Final = {field.name for kind in _PRIVATE_TYPES for field in fields(kind)} - _PUBLIC
_MORE: Final = {
    "first_name",
    "last_name",
    "owner_name",
    "street",
    "kid",
    "iban",
    "bban",
    "number",
    "cookie",
    "session",
} | {*("birthdate", "birth_date", "date_of_birth", "remittance_information", "remittance")}
# `creditor_name` and `creditorName`: as `repr` and as JSON show a field.
_KEYS: Final = "|".join(sorted(name.replace("_", "_?") for name in _FIELDS | _MORE))

_STREETS: Final = (
    "gata|gaten|gate|gt|veien|vegen|vei|veg|allé|alle|plass|plassen|torg|torget|bakken|stien|svingen|haugen|kaien|kaia"
    "|brygga|bryggen|brygge|løkka|jordet|åsen|hagen|kroken|tunet|toppen|terrasse|ringen|sletta|smauet|smuget|stredet"
    "|allmenningen|parken|lia|enga|kollen"
)
_LETTERS: Final = "A-Za-zÀ-ÖØ-öø-ÿ"
_SECRETS: Final = "token|secret|signature|password|passphrase|api[ _-]?key|ticket"
# Words that stand in the texts of errors with capitals, and are nobody's name.
_NO_NAMES: Final = frozenset(word for status in HTTPStatus for word in status.phrase.split()) | {
    *("Traceback", "File", "The", "This", "During", "Exception", "Group", "Task", "Connection", "Server", "Stripe"),
    *("Enable", "Banking", "Open", "Payments", "Better", "Stack", "Google", "Maps"),
}

# Neither a part of a longer number or id, nor a time.
_BEFORE: Final = r"(?<![\w-])(?<!\d[.:])"
_AFTER: Final = r"(?!\w)(?![:-]\d)"

_PATTERNS: Final = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        # Values that libraries print with their errors: parameters of SQL statements, rejected input.
        (r"\[parameters: .*?\]\n?", re.S),
        (r"input_value=.*?, input_type", re.S),
        (r"DETAIL:[^\n]*|\bKey \([^)\n]*\)=[^\n]*", 0),
        # Fields of our own types.
        (rf"(?<![A-Za-z])(?:{_KEYS})[\"']?\s*[:=]\s*(?:'[^']*'|\"[^\"]*\"|\+?\d[\d .]+)", re.I),
        # Tokens and keys.
        (r"\beyJ[\w-]+\.[\w-]+(\.[\w-]*)*", 0),
        (r"\b(?i:bearer|basic)\s+[\w.~+/=-]+", 0),
        (r"\b(?:sk|rk|pk|ek)_(?:test|live)_\w+", 0),
        (r"\bwhsec_\w+", 0),
        (r"\b\w+_secret_\w+", 0),
        (r"\bSG\.[\w.-]+", 0),
        (r"\bAKIA[A-Z0-9]{12,}", 0),
        (r"\bAIza[\w-]{10,}", 0),
        (r"(?<!\w)_act-[\w-]+", 0),
        (r"\b(?:sbx|prd):[\w.-]+", 0),
        (r"\bxox[abp]-[\w-]+", 0),
        (r"\bhooks\.slack\.com/\S+", 0),
        (r"-----BEGIN [^-]+-----.*?(-----END [^-]+-----|$)", re.S),
        (r"\b(?i:(?:set-)?cookie):[^\n]*", 0),
        (r"\b(?:__Host-)?drop_\w+=[^\s;\"']+", 0),
        # 256 random bits, as `services/tokens.py` and most vendors write them.
        (r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[A-Za-z0-9_-]{32,}(?![\w-])", 0),
        (r"\bauthorization[\"']?\s*[:=][^\n]*", re.I),
        (r"\b(?i:x-amz-[\w-]+|code|state)=[^\s&\"']+", 0),
        (rf"\b[\w-]*(?:{_SECRETS})[\"']?\s*[:=]\s*[\"']?[^\s&\"',)}}]+", re.I),
        # URLs: the query, and user name and password before the host.
        (r"(?<=\?)[^\s\"'<>]+=[^\s\"'<>]*", 0),
        (r"(?<=://)[^/\s@]+@", 0),
        # National identity and account numbers, IBANs, mail addresses.
        (r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b", 0),
        (r"\bno\d{2}(?:[ -]?\d{4}){2}[ -]?\d{3}\b", re.I),
        (r"(?<![\w.])\d{4}[ .-]\d{2}[ .-]\d{5}(?!\w)", 0),
        (r"(?<!\w)\d{6}[ -]?\d{5}(?!\w)|(?<!\w)[0-7]\d[014589]\d{3}\.\d{5}(?!\w)", 0),
        (r"(?<!\w)[0-7]\d[ .-][014589]\d[ .-]\d{2}[ .-]\d{5}(?!\w)", 0),
        (r"\bkid\W{1,3}\d[\d .-]*", re.I),
        (r"[\w.+-]+(?:@|%40)(?:[\w-]+\.)+[^\W\d_]{2,}", 0),
        # Cards, and telephone numbers: with a country's code, and Norwegian ones of eight digits.
        (r"(?<![\w.])\d{4}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?!\w)", 0),
        (r"(?<!\w)(?:\+|00)\d[\d .()-]{6,18}\d", 0),
        (r"(?<![\w.])47 ?[2-9]\d{7}(?!\w)", 0),
        (rf"{_BEFORE}(?:[2-9]\d{{7}}|(?!20)[2-9]\d{{3}} \d{{4}}){_AFTER}", 0),
        (rf"{_BEFORE}(?:[2-9]\d{{2}}([ .-])\d{{2}}\1\d{{3}}|[2-9]\d(?:[ .-]\d{{2}}){{3}}){_AFTER}", 0),
        # Streets and post places.
        (rf"\b[A-ZÆØÅ][{_LETTERS}.'-]*(?: [{_LETTERS}.'-]+){{0,3}}? ?(?:{_STREETS})\.? \d+ ?[A-Za-z]?\b", 0),
        (rf"(?<![\w.])\d{{4}} [A-ZÆØÅ][{_LETTERS}]+", 0),
        (r"\bpostboks \d+", re.I),
    )
)
_DIGITS: Final = re.compile(r"(?<![\w.])\d{8,25}(?!\w)")
# A card's digits, with whatever people put between them.
_CARD: Final = re.compile(r"(?<![\dA-Z_])\d(?:[ ._/-]{0,2}\d){12,18}(?!\d)")
_WORD: Final = rf"[A-ZÀ-ÖØ-Þ][{_LETTERS}'-]+"
_BETWEEN: Final = r",? (?:[A-ZÀ-ÖØ-Þ]\.? )?(?:(?:av|af|von|van|de|der|den|la|da|bin) )?"
_NAMES: Final = re.compile(rf"(?<![\w./]){_WORD}(?:{_BETWEEN}{_WORD})+")


def scrubbed_text(text: str) -> str:
    """The text, with `REMOVED` in place of tokens, keys, URL queries and personal data."""
    if not text.isascii():
        text = "".join(_plain(character) for character in text)
    for pattern in _PATTERNS:
        text = pattern.sub(REMOVED, text)
    text = _CARD.sub(_without_number, text)
    text = _DIGITS.sub(_without_number, text)
    return _NAMES.sub(_without_name, text)


def _plain(character: str) -> str:
    """Blanks and hyphens of all kinds as the patterns have them."""
    return {"Zs": " ", "Pd": "-"}.get(category(character), character)


def _without_number(found: re.Match[str]) -> str:
    """A number whose last digit checks the others, as those of KIDs and cards do, is removed."""
    digits = "".join(one for one in found[0] if one.isdigit())
    return REMOVED if is_kid(digits) else found[0]


def _without_name(found: re.Match[str]) -> str:
    """Words with capitals in a row are a name, unless all but one are known words."""
    words = [word.strip(",.") for word in found[0].split()]
    strange = [word for word in words if len(word) > 1 and word[0].isupper() and word not in _NO_NAMES]
    return REMOVED if len(strange) > 1 else found[0]
