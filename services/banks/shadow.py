"""The shadow comparison: the migration's target vendor is asked, too, and operators see how its answers differ."""

import asyncio
from collections.abc import Awaitable, Callable, Set
from typing import Final

import structlog
from prometheus_client import Counter

from domain.errors import Unavailable

COMPARED: Final = Counter(
    "drop_shadow_comparisons_total", "Answers of the next vendor beside the current one's.", ["port", "what", "outcome"]
)
# A limit for the target vendor: the comparison must not make the user wait longer.
_WITHIN_S: Final = 2
_log = structlog.get_logger()


async def shadow_of(ask: Callable[[], Awaitable[Set[str]]]) -> Set[str] | None:
    """The target vendor's answer, None if it does not come in time."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            return await ask()
    except (TimeoutError, Unavailable):
        return None


def compare(port: str, what: str, vendor: str, of_current: Set[str], of_target: Set[str] | None) -> None:
    """Count how the two answers compare, and log the differences; the compared names belong to no user."""
    outcome = "away" if of_target is None else "alike" if of_target == of_current else "different"
    COMPARED.labels(port, what, outcome).inc()
    if of_target is not None and of_target != of_current:
        missing, more = sorted(of_current - of_target), sorted(of_target - of_current)
        _log.warning("shadow_differs", port=port, what=what, vendor=vendor, missing=missing, more=more)
