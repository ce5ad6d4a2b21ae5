"""Whether an update or a delete met the row that it was meant for."""

from typing import Any, Protocol

from sqlalchemy import CursorResult, Result, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.errors import StaleVersion


class _Row(Protocol):
    id: str
    version: int


class _Versioned(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...


def changed_one(result: Result[Any]) -> bool:
    """False where no row met the statement's conditions."""
    return changed(result) == 1


def changed(result: Result[Any]) -> int:
    """How many rows met the statement's conditions."""
    assert isinstance(result, CursorResult)
    return result.rowcount


async def save_over(
    session: AsyncSession, row: type[_Row], before: _Versioned, after: _Versioned, **values: object
) -> None:
    """Write the values and the new version over the version that was read. Raises StaleVersion."""
    written = update(row).where(col(row.id) == before.id, col(row.version) == before.version)
    if not changed_one(await session.exec(written.values(values | {"version": after.version}))):
        raise StaleVersion
