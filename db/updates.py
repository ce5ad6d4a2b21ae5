"""Whether an update or a delete met the row that it was meant for."""

from typing import Any

from sqlalchemy import CursorResult, Result

from domain.errors import StaleVersion


def changed_one(result: Result[Any]) -> bool:
    """False where no row met the statement's conditions."""
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def require_saved(result: Result[Any]) -> None:
    """For a write that names the version that was read. Raises StaleVersion where another transaction was first."""
    if not changed_one(result):
        raise StaleVersion
