"""The shapes of what is private: fields of our own types, tokens that we and vendors make, and how people write."""

import re
from dataclasses import fields
from http import HTTPStatus
from typing import Final

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
_MORE: Final = {"first_name", "last_name", "owner_name", "street", "kid", "iban", "bban", "number", "cookie", "session"}
# `creditor_name` and `creditorName`: as `repr` and as JSON show a field.
_KEYS: Final = "|".join(sorted(name.replace("_", "_?") for name in _FIELDS | _MORE))

_STREETS: Final = (
    "gata|gaten|gate|gt|veien|vegen|vei|veg|allé|alle|plass|plassen|torg|torget|bakken|stien|svingen|haugen"
)
_LETTERS: Final = "A-Za-zÀ-ÖØ-öø-ÿ"
# Words that stand in the texts of errors with capitals, and are nobody's name.
_NO_NAMES: Final = frozenset(word for status in HTTPStatus for word in status.phrase.split()) | {
    *("Traceback", "File", "The", "This", "During", "Exception", "Group", "Task", "Connection", "Server", "Stripe"),
    *("Enable", "Banking", "Open", "Payments", "Better", "Stack", "Google", "Maps"),
}

_PATTERNS: Final = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        # Values that libraries print with their errors: parameters of SQL statements, rejected input.
        (r"\[parameters: .*?\]\n?", re.S),
        (r"input_value=.*?, input_type", re.S),
        (r"DETAIL:[^\n]*", 0),
        # Fields of our own types.
        (rf"(?<![A-Za-z])(?:{_KEYS})[\"']?\s*[:=]\s*(?:'[^']*'|\"[^\"]*\"|\+?\d[\d .]+)", re.I),
        # Tokens and keys.
        (r"\beyJ[\w-]+\.[\w-]+(\.[\w-]*)*", 0),
        (r"\b(?i:bearer|basic)\s+[\w.~+/=-]+", 0),
        (r"\b(?:sk|rk|pk)_(?:test|live)_\w+", 0),
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
        (r"\b(?i:x-amz-[\w-]+|code|state|\w*token|\w*secret|\w*signature|password)=[^\s&\"']+", 0),
        # URLs: the query, and user name and password before the host.
        (r"(?<=\?)[^\s\"'<>]+=[^\s\"'<>]*", 0),
        (r"(?<=://)[^/\s@]+@", 0),
        # National identity and account numbers, IBANs, mail addresses.
        (r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", 0),
        (r"(?<![\w.])\d{4}[ .]\d{2}[ .]\d{5}(?!\w)", 0),
        (r"(?<!\w)\d{6}[ -]?\d{5}(?!\w)", 0),
        (r"[\w.+-]+@(?:[\w-]+\.)+[^\W\d_]{2,}", 0),
        # Cards, and telephone numbers: with a country's code, and Norwegian ones of eight digits.
        (r"(?<![\w.])\d{4}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?!\w)", 0),
        (r"(?<!\w)(?:\+|00)\d[\d ]{6,16}\d", 0),
        (r"(?<![\w.:-])[2-9]\d{7}(?![\w:-])", 0),
        (r"(?<![\w.:-])[2-9]\d{2} \d{2} \d{3}(?!\w)|(?<![\w.:-])[2-9]\d(?: \d{2}){3}(?!\w)", 0),
        # Streets and post places.
        (rf"\b[A-ZÆØÅ][{_LETTERS}.'-]*(?: [{_LETTERS}.'-]+){{0,3}}? ?(?:{_STREETS})\.? \d+ ?[A-Za-z]?\b", 0),
        (rf"(?<![\w.])\d{{4}} [A-ZÆØÅ][{_LETTERS}]+", 0),
    )
)
_DIGITS: Final = re.compile(r"(?<![\w.])\d{8,25}(?!\w)")
_NAMES: Final = re.compile(rf"(?<![\w./])[A-ZÀ-ÖØ-Þ][{_LETTERS}'-]+(?: [A-ZÀ-ÖØ-Þ][{_LETTERS}'-]+)+")


def scrubbed_text(text: str) -> str:
    """The text, with `REMOVED` in place of tokens, keys, URL queries and personal data."""
    for pattern in _PATTERNS:
        text = pattern.sub(REMOVED, text)
    text = _DIGITS.sub(lambda found: REMOVED if is_kid(found[0]) else found[0], text)
    return _NAMES.sub(_without_name, text)


def _without_name(found: re.Match[str]) -> str:
    """Words with capitals in a row are a name, unless all but one are known words."""
    strange = [word for word in found[0].split() if word not in _NO_NAMES]
    return REMOVED if len(strange) > 1 else found[0]
