"""Documents that front ends were built with, and that operators have let in: each is known by its hash."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

# An id names the way in which it was made, so that another way can be told from it (GraphQL over HTTP, appendix A).
ID_PREFIX: Final = "sha256:"
# A use is written at most once in this time: otherwise each request would write.
NOTED_WITHIN: Final = timedelta(hours=1)
# More than all releases of all front ends have together; what is kept stands in the memory of each process.
MAX_DOCUMENTS: Final = 5_000
MAX_CHARACTERS: Final = 32 * 1024 * 1024
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class DocumentMode(StrEnum):
    """What is done with a document that is not trusted."""

    ANY = "any"
    LOG = "log"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """A document as its front end sends it. `name` is that of its operations."""

    hash: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A trusted document, with when it was pushed and when a client last sent it; a push counts as a use."""

    document: TrustedDocument
    pushed_at: datetime
    last_used_at: datetime


def hash_of(text: str) -> str:
    """The SHA-256 of a document, in hex: what Relay, GraphQL Code Generator and Apollo compute of the text."""
    return sha256(text.encode()).hexdigest()


def read_hash(given: object) -> str | None:
    """The hash of 64 hex digits, with or without its prefix; None of what is none."""
    if not isinstance(given, str):
        return None
    text = given.removeprefix(ID_PREFIX).lower()
    return text if _HASH.fullmatch(text) else None
