"""How often a client may do what costs something: asked before the work, refused with the time to wait."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol

from prometheus_client import Counter

from domain.errors import RateLimited

_REFUSED: Final = Counter("drop_limit_refusals_total", "Requests and operations beyond a limit, by limit.", ["limit"])


# A socket whose client has gone without a word is found dead within this time, as a rule.
_SOCKET_RETRY_S: Final = 20


class LimitName(StrEnum):
    """What is counted. Sign-ins, tokens and guesses are counted by address, the rest by user or session."""

    SIGN_INS = "sign_ins"
    LOGIN_RETURNS = "login_returns"
    TOKEN_EXCHANGES = "token_exchanges"  # noqa: S105  # a name
    BAD_SIGNATURES = "bad_signatures"
    OPERATOR_GUESSES = "operator_guesses"
    OPERATIONS = "operations"
    MUTATIONS = "mutations"
    MONEY_MUTATIONS = "money_mutations"


class Window(Protocol):
    """So many times in any stretch of a time, for each key by itself."""

    async def take(self, key: str) -> float:
        """Count this time, and give 0. Where there is no room, count nothing, and give the seconds until there is."""

    async def wait_s(self, key: str) -> float:
        """The seconds until there is room, 0 where there is. Counts nothing."""


class Places(Protocol):
    """So many at once for each key."""

    async def take(self, key: str, holder: str) -> bool:
        """Whether there was a place for the holder, who then has it."""

    async def give_back(self, key: str, holder: str) -> None:
        """Free the holder's place. Safe to repeat."""


class Limits:
    """The limits of what clients do. Nothing that is refused counts, so waiting as long as told always helps."""

    def __init__(self, windows: Mapping[LimitName, Window], sockets: Places) -> None:
        self._windows = windows
        self._sockets = sockets

    async def require(self, limit: LimitName, key: str) -> None:
        """Count it for this key. Raises RateLimited, and counts nothing then."""
        _refuse(limit, await self._windows[limit].take(key))

    async def require_left(self, limit: LimitName, key: str) -> None:
        """Count nothing. Raises RateLimited where `require` would."""
        _refuse(limit, await self._windows[limit].wait_s(key))

    async def require_socket(self, user: str, socket: str) -> None:
        """Take a place for a socket of the user. Raises RateLimited."""
        if not await self._sockets.take(user, socket):
            _REFUSED.labels("sockets").inc()
            raise RateLimited(_SOCKET_RETRY_S)

    async def give_socket_back(self, user: str, socket: str) -> None:
        """Free a socket's place."""
        await self._sockets.give_back(user, socket)


def _refuse(limit: LimitName, wait_s: float) -> None:
    if wait_s > 0:
        _REFUSED.labels(limit).inc()
        raise RateLimited(wait_s)
