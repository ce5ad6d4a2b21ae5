"""The time that an operation may take: the waiting ends with it, and what was begun at a vendor goes on."""

import asyncio
from collections.abc import Coroutine
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from db.snapshot import one_snapshot
from domain.errors import DeadlineExceeded

Result = TypeVar("Result")
# A mutation's answer may take so much longer than the wait for its vendor: its object is read meanwhile.
LATE_S: Final = 1.0
_ends_at: Final[ContextVar[float | None]] = ContextVar("ends_at", default=None)


async def bounded(running: Coroutine[Any, Any, Result], within_s: float, *, goes_on: bool) -> Result:
    """The result. An operation that takes longer is cancelled, with all that it reads; a query reads one moment.

    `goes_on` for a mutation: `services/shield.py` carries its work, and its answer may be a little late. Raises
    DeadlineExceeded.
    """
    token = _ends_at.set(asyncio.get_running_loop().time() + within_s)
    limit = asyncio.timeout(within_s + 2 * LATE_S if goes_on else within_s)
    try:
        async with limit, nullcontext() if goes_on else one_snapshot():
            return await running
    except TimeoutError:
        if not limit.expired():
            raise
        raise DeadlineExceeded(goes_on=goes_on) from None
    finally:
        _ends_at.reset(token)


def seconds_left() -> float | None:
    """How long the current operation may still wait for a vendor; None outside of operations."""
    ends_at = _ends_at.get()
    return None if ends_at is None else max(0.0, ends_at - asyncio.get_running_loop().time())
