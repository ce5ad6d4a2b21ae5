"""A new e-mail or phone counts once somebody has shown, by the code that was sent there, that they read it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Final

CODE_DIGITS: Final = 6
CODE_LASTS: Final = timedelta(minutes=10)
# Five guesses at a million codes, and five codes an hour (a setting): a guess is right once in 40,000 hours.
TRIES: Final = 5
# So long it is shown, exported and kept after its code has run out (`db/retention.py` says so of the row).
KEPT_AFTER: Final = timedelta(days=1)


class ContactKind(StrEnum):
    """By what a user is reached."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"


@dataclass(frozen=True, slots=True)
class PendingContact:
    """A new e-mail address or number that is not confirmed. `code_hash` is None until a code is on its way there.

    `tries` are the wrong codes that were given. The code itself is kept nowhere.
    """

    address: str
    expires_at: datetime
    code_hash: str | None = None
    tries: int = 0

    @classmethod
    def new(cls, address: str, now: datetime) -> "PendingContact":
        """One that waits for its first code."""
        return cls(address, now + CODE_LASTS)

    def sent(self, code_hash: str, now: datetime) -> "PendingContact":
        """As it stands once a code is on its way; one that was sent before counts no more.

        Wrong codes still count: a message that is sent again must give no more guesses.
        """
        return replace(self, expires_at=now + CODE_LASTS, code_hash=code_hash)

    def is_open(self, now: datetime) -> bool:
        """Whether a code may be given for it."""
        return self.code_hash is not None and not self.is_exhausted and now < self.expires_at

    @property
    def is_exhausted(self) -> bool:
        """Whether all tries were wrong."""
        return self.tries >= TRIES

    def is_kept(self, now: datetime) -> bool:
        """Whether it still waits, or has not long run out."""
        return now < self.expires_at + KEPT_AFTER

    def is_code(self, hashes: Sequence[str]) -> bool:
        """Whether this is the code that was sent, by one of its hashes: their key may have been rotated since."""
        sent = self.code_hash
        return sent is not None and any(compare_digest(sent, code_hash) for code_hash in hashes)

    def tried(self) -> "PendingContact":
        """As it stands after a wrong code."""
        return replace(self, tries=self.tries + 1)
