"""A vendor's status words in ours. A word that is not listed moves nothing: it is logged and counted."""

from collections.abc import Mapping
from typing import Final, TypeVar

import structlog
from prometheus_client import Counter

Value = TypeVar("Value")
UNKNOWN: Final = Counter("drop_unknown_statuses_total", "Statuses of vendors that Drop does not know.", ["of"])
_log = structlog.get_logger()
_LENGTH: Final = 40


def status_of(table: Mapping[str, Value], word: object, *, of: str) -> Value | None:
    """Our status for a vendor's word about an object such as "bank payment"; None for a word that is not listed.

    A newer vendor may send words of its own: to guess at one could end what goes on, or bring back what has ended.
    """
    known = table.get(word) if isinstance(word, str) else None
    if known is None:
        UNKNOWN.labels(of).inc()
        _log.warning("status_unknown", of=of, status=str(word)[:_LENGTH])
    return known
