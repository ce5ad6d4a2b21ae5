"""Removes secrets and personal data from an error event, in whatever part of the event they stand.

Sentry's own scrubber looks at few places: neither messages, nor exceptions, contexts or tags (sentry.md, SDK).
"""

import re
from collections.abc import Mapping, MutableMapping, Set
from dataclasses import is_dataclass
from typing import Any, Final

from providers.errors.private_shapes import REMOVED, scrubbed_text

# Compared by letters and digits alone, so that `client_secret`, `clientSecret` and `Client-Secret` all match.
_PRIVATE_KEYS: Final = re.compile(
    r".*(password|passwd|passphrase|secret|token|authorization|cookie|signature|apikey|identitynumber)s?"
    r"|auth|session(id)?|key|nonce|code(challenge|verifier)?|state|nnin|nninaltsub|ssn|pid|iban|bban|account(number)?"
    r"|e?mail(address)?|phone(number)?|address|street|kid|(first|last|given|family|creditor|owner|to)?name|birthdate"
)
# Sentry's descriptions of its SDK and of Python: their `name` is not a person's.
_OF_SENTRY: Final = frozenset({"sdk", "runtime"})


def scrubbed(event: Any, hint: Any = None) -> Any:
    """A copy of the event in which every private value is `REMOVED`. Its shape stays. For Sentry's `before_send`."""
    return _walked(event)


def scrubbed_line(line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A line of the log, scrubbed in place. Its own keys are ours, so that `code` and `state` stay."""
    for key, value in line.items():
        line[key] = _walked(value)
    return line


def _walked(value: Any) -> Any:
    if isinstance(value, str):
        return scrubbed_text(value)
    if isinstance(value, bytes):
        return scrubbed_text(value.decode(errors="replace"))
    if isinstance(value, int) and not isinstance(value, bool):
        return value if scrubbed_text(str(value)) == str(value) else REMOVED
    if isinstance(value, Mapping):
        return {_walked(key): _of_key(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | Set):
        return [_walked(inner) for inner in value]
    # One of our own objects: a log would show its `repr`.
    return scrubbed_text(repr(value)) if is_dataclass(value) and not isinstance(value, type) else value


def _of_key(key: str, value: Any) -> Any:
    if key in _OF_SENTRY:
        return value
    letters = re.sub(r"[^a-z0-9]", "", key.lower())
    if value is not None and _PRIVATE_KEYS.fullmatch(letters):
        return REMOVED
    return _walked(value)
