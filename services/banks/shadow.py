"""The shadow comparison: the migration's target vendor is asked, too, and operators see how its answers differ."""

from collections.abc import Coroutine, Set
from typing import Any, Final

import structlog
from prometheus_client import Counter

from domain.errors import Unavailable
from services.patience import Patience

COMPARED: Final = Counter(
    "drop_shadow_comparisons_total", "Answers of the next vendor beside the current one's.", ["port", "what", "outcome"]
)
# A limit for the target vendor: the comparison must not make the user wait longer.
_WITHIN_S: Final = 2
_log = structlog.get_logger()


async def shadow_of(patience: Patience, asking: Coroutine[Any, Any, Set[str]]) -> Set[str] | None:
    """The target vendor's answer, None if it does not come in time."""
    try:
        return await patience.wait(asking, _WITHIN_S)
    except (TimeoutError, Unavailable):
        return None


def compare(port: str, what: str, vendor: str, of_current: Set[str], of_target: Set[str] | None) -> None:
    """Count how the two answers compare, and log the differences; the compared names belong to no user."""
    outcome = "away" if of_target is None else "alike" if of_target == of_current else "different"
    COMPARED.labels(port, what, outcome).inc()
    if of_target is not None and of_target != of_current:
        missing, more = sorted(of_current - of_target), sorted(of_target - of_current)
        _log.warning("shadow_differs", port=port, what=what, vendor=vendor, missing=missing, more=more)
