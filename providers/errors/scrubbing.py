"""Removes secrets and personal data from an error event, in whatever part of the event they stand.

Sentry's own scrubber looks at few places: neither messages, nor exceptions, contexts or tags (sentry.md, SDK).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

REMOVED: Final = "[removed]"
# Compared by letters and digits alone, so that `client_secret`, `clientSecret` and `Client-Secret` all match.
_PRIVATE_KEYS: Final = re.compile(
    r".*(password|passwd|passphrase|secret|token|authorization|cookie|signature|apikey|identitynumber)s?"
    r"|auth|session(id)?|key|nonce|code(challenge|verifier)?|state|nnin|nninaltsub|ssn|pid|iban|bban|account(number)?"
    r"|e?mail(address)?|phone(number)?|address|(first|last|given|family)?name|birthdate"
)
_PATTERNS: Final = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        # Values that libraries print with their errors: parameters of SQL statements, rejected input.
        (r"\[parameters: .*?\]\n?", re.S),
        (r"input_value=.*?, input_type", re.S),
        (r"DETAIL:[^\n]*", 0),
        # Tokens and keys.
        (r"\beyJ[\w-]+\.[\w-]+(\.[\w-]*)*", 0),
        (r"\b(?i:bearer|basic)\s+[\w.~+/=-]+", 0),
        (r"\b(?:sk|rk|pk)_(?:test|live)_\w+", 0),
        (r"\bwhsec_\w+", 0),
        (r"\b\w+_secret_\w+", 0),
        (r"\bSG\.[\w.-]+", 0),
        (r"\bAKIA[A-Z0-9]{12,}", 0),
        (r"\bhooks\.slack\.com/\S+", 0),
        (r"-----BEGIN [^-]+-----.*?(-----END [^-]+-----|$)", re.S),
        (r"\b(?i:x-amz-[\w-]+|code|state|\w*token|\w*secret|\w*signature|password)=[^\s&\"']+", 0),
        # URLs: the query, and user name and password before the host.
        (r"(?<=\?)[^\s\"'<>]+=[^\s\"'<>]*", 0),
        (r"(?<=://)[^/\s@]+@", 0),
        # Personal data: national identity and account numbers, IBANs, mail addresses, telephone numbers.
        (r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", 0),
        (r"(?<![\w.])\d{4}[ .]\d{2}[ .]\d{5}(?!\w)", 0),
        (r"(?<!\w)\d{6} ?\d{5}(?!\w)", 0),
        (r"[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}", 0),
        (r"(?<!\w)\+\d[\d ]{6,16}\d", 0),
    )
)
# Sentry's descriptions of its SDK and of Python: their `name` is not a person's.
_OF_SENTRY: Final = frozenset({"sdk", "runtime"})


def scrubbed(event: Any, hint: Any = None) -> Any:
    """A copy of the event in which every private value is `REMOVED`. Its shape stays. For Sentry's `before_send`."""
    return _walked(event)


def _walked(value: Any) -> Any:
    if isinstance(value, str):
        return scrubbed_text(value)
    if isinstance(value, Mapping):
        return {key: _of_key(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_walked(inner) for inner in value]
    return value


def _of_key(key: str, value: Any) -> Any:
    if key in _OF_SENTRY:
        return value
    letters = re.sub(r"[^a-z0-9]", "", key.lower())
    if value is not None and _PRIVATE_KEYS.fullmatch(letters):
        return REMOVED
    return _walked(value)


def scrubbed_text(text: str) -> str:
    """The text, with `REMOVED` in place of tokens, keys, URL queries and personal data."""
    for pattern in _PATTERNS:
        text = pattern.sub(REMOVED, text)
    return text
