"""What the next vendor would have answered, beside the current one: looked at by operators, seen by no user."""

import asyncio
from collections.abc import Awaitable, Callable, Set
from typing import Final

import structlog
from prometheus_client import Counter

from domain.errors import Unavailable

COMPARED: Final = Counter(
    "drop_shadow_comparisons_total", "Answers of the next vendor beside the current one's.", ["port", "what", "outcome"]
)
# It runs beside the current vendor's call, and holds nobody up for longer.
_WITHIN_S: Final = 2
_log = structlog.get_logger()


async def shadow_of(ask: Callable[[], Awaitable[Set[str]]]) -> Set[str] | None:
    """What is asked, None where the vendor does not answer in time."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            return await ask()
    except (TimeoutError, Unavailable):
        return None


def compare(port: str, what: str, vendor: str, ours: Set[str], theirs: Set[str] | None) -> None:
    """Counted, and told to the log where they differ; of names that are nobody's."""
    outcome = "away" if theirs is None else "alike" if theirs == ours else "different"
    COMPARED.labels(port, what, outcome).inc()
    if theirs is not None and theirs != ours:
        missing, more = sorted(ours - theirs), sorted(theirs - ours)
        _log.warning("shadow_differs", port=port, what=what, vendor=vendor, missing=missing, more=more)
