"""Pages of Stripe's lists, and the items on them that cannot be read. Source: docs/vendors/stripe.md, Endpoints."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from prometheus_client import Counter

from providers.calling.json_parts import within

UNREADABLE_ITEMS: Final = Counter(
    "drop_card_items_unreadable_total", "Items of the card vendor's answers that could not be read, by kind.", ["of"]
)
_log = structlog.get_logger()


def unreadable(of: str) -> None:
    """Log and count an item that is put aside: it costs itself alone, and operators see that it is there."""
    UNREADABLE_ITEMS.labels(of).inc()
    _log.warning("card_item_unreadable", of=of)


def after_of(answer: Mapping[str, Any], *, of: str) -> str | None:
    """The id behind which the next page begins, None on the last page.

    An item without an id is counted, and the page begins behind the last one that has an id, so that no list ends
    early. Raises ValueError where no item of the page has an id and more pages follow.
    """
    items: list[Any] = answer["data"]
    ids = [_id_of(item) for item in items]
    for _ in range(ids.count(None)):
        unreadable(of)
    if answer.get("has_more") is not True:
        return None
    known = [identifier for identifier in ids if identifier is not None]
    if not known:
        raise ValueError("a page without an id")
    return known[-1]


def _id_of(item: object) -> str | None:
    identifier = within(item, "id")
    return identifier if isinstance(identifier, str) and identifier else None
