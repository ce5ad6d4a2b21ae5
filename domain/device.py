"""The device of a user who is present, as banks want to hear of it."""

from dataclasses import dataclass
from typing import Final, Self

_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class Device:
    """Where a request came from: its address, and how the client named itself, None if it did not."""

    ip_address: str
    user_agent: str | None = None

    @classmethod
    def of(cls, ip_address: str, user_agent: str | None) -> Self:
        """A device by a request's own header, of which printable ASCII is kept, up to a length that banks take."""
        named = "".join(letter for letter in user_agent or "" if " " <= letter <= "~")[:_LONGEST].strip()
        return cls(ip_address, named or None)
