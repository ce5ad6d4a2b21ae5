"""What an update or a delete did to the one row that it was meant for."""

from typing import Any

from sqlalchemy import CursorResult, Result

from domain.errors import StaleVersion


def changed_one(result: Result[Any]) -> bool:
    """False where the row was not, or no longer, as its conditions say."""
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def require_saved(result: Result[Any]) -> None:
    """For what is saved over the version that was read. Raises StaleVersion."""
    if not changed_one(result):
        raise StaleVersion
