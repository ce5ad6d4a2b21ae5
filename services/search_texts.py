"""Rows that a version before searches has written are found, too."""

from collections.abc import Callable
from typing import Final, Protocol

from db.unit_of_work import Queries, Read, Work, retry_on_stale
from domain.ids import UserId

_AT_ONCE: Final = 1_000


class Folding(Protocol):
    """The queries of rows that are found by a text of their own."""

    async def is_any_unfolded(self, user_id: UserId) -> bool:
        """Whether a row of the user has no text yet."""

    async def fold(self, user_id: UserId, limit: int) -> int:
        """Give so many of them their text. Gives how many had none. Does not commit; raises StaleVersion."""


async def fold_all(read: Read, work: Work, of: Callable[[Queries], Folding], user_id: UserId) -> None:
    """Rows get their text as their user first searches: no migration rewrites a table. Commits by the thousand."""
    async with read() as reading:
        found = _AT_ONCE if await of(reading).is_any_unfolded(user_id) else 0

    async def fold_some() -> int:
        async with work() as writing:
            folded = await of(writing).fold(user_id, _AT_ONCE)
            await writing.commit()
        return folded

    while found == _AT_ONCE:
        found = await retry_on_stale(fold_some)
