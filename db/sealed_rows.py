"""Rows with encrypted values, table by table, for the rotation of keys."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Row, Table, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from db.field_encryption import FieldEncryption, UnreadableField
from db.sealed import NUMBER, SEALED, SealedColumn, fields_of
from db.tables.user import UserRow

BATCH: Final = 200
_SAMPLE: Final = 20
# Unique, so that a person has one user. Of who has left there is none.
_NUMBER_HASH: Final[Column[Any]] = NUMBER.table.c[UserRow.national_identity_number_hash.key]  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class SealedPage:
    """Rows by their key: how many were looked at, and those with a value of another key than the first, or of none."""

    looked_at: int
    end: str
    stale: Sequence[str]


@dataclass(frozen=True, slots=True)
class Renewed:
    """Which rows were encrypted anew, and which could not be: no key opens them, or another user has the number."""

    done: frozenset[str]
    failed: frozenset[str]


class SealedRowQueries:
    """What `gateway keys rotate` reads and writes. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._fields = fields_of(session)

    async def count(self, name: str) -> int:
        """Of all rows, for the progress bar."""
        connection = await self._session.connection()
        return (await connection.execute(select(func.count()).select_from(_TABLES[name]))).scalar_one()

    async def page(self, name: str, after: str) -> SealedPage | None:
        """The next rows that have an encrypted value; None where there are none. Nothing is locked."""
        table = _TABLES[name]
        key, held = _key(table), [one.column.is_not(None) for one in sealed_in(table)]
        query = _rows(table).where(or_(*held), key > after).order_by(key).limit(BATCH)
        rows = (await (await self._session.connection()).execute(query)).all()
        if not rows:
            return None
        unreadable = list[str]()
        stale = [row[0] for row in rows if self._changes(table, row, unreadable)]
        return SealedPage(len(rows), rows[-1][0], list(dict.fromkeys((*stale, *unreadable))))

    async def is_readable(self, name: str) -> bool:
        """Whether the keys open the table's oldest and newest values."""
        table = _TABLES[name]
        key, connection, unreadable = _key(table), await self._session.connection(), list[str]()
        for order in (key.asc(), key.desc()):
            for row in await connection.execute(_rows(table).order_by(order).limit(_SAMPLE)):
                self._changes(table, row, unreadable)
        return not unreadable

    async def renew(self, name: str, ids: Sequence[str]) -> Renewed:
        """Encrypt rows anew by the first key. One that is held just now is left to the next run."""
        table = _TABLES[name]
        connection, key = await self._session.connection(), _key(table)
        query = _rows(table).where(key.in_(ids)).order_by(key)
        # A hash that is unique is a key of its row, so that writing it waits for whoever refers to the row.
        query = query.with_for_update(skip_locked=True, key_share=table is not NUMBER.table)
        failed, done = list[str](), list[str]()
        for row in (await connection.execute(query)).all():
            changes = self._changes(table, row, failed)
            if not changes:
                continue
            try:
                async with connection.begin_nested() if _NUMBER_HASH in changes else nullcontext():
                    await connection.execute(update(table).where(key == row[0]).values(changes))
            except IntegrityError:
                failed.append(row[0])
            else:
                done.append(row[0])
        return Renewed(frozenset(done), frozenset(failed))

    def _changes(self, table: Table, row: Row[Any], failed: list[str]) -> dict[Column[Any], Any]:
        """The columns that are to be written, with their new values; a row that cannot be read goes to `failed`."""
        found = {}
        for one in sealed_in(table):
            stored = row._mapping[one.column]
            try:
                if not one.is_current(self._fields, stored):
                    found[one.column] = one.sealed(self._fields, row[0], one.opened(self._fields, row[0], stored))
                if one is NUMBER and row._mapping[_NUMBER_HASH] is not None:
                    found |= _new_hash(self._fields, row[0], stored, row._mapping[_NUMBER_HASH])
            except UnreadableField:
                failed.append(row[0])
        return found


def _new_hash(fields: FieldEncryption, row_id: str, stored: bytes, known: str) -> dict[Column[Any], Any]:
    number_hash = fields.keyed_hash(NUMBER.opened(fields, row_id, stored))
    return {_NUMBER_HASH: number_hash} if number_hash != known else {}


_TABLES: Final = {one.table.name: one.table for one in SEALED}
SEALED_TABLES: Final = tuple(_TABLES)


def sealed_in(table: Table) -> Sequence[SealedColumn]:
    """The encrypted columns of a table."""
    return [one for one in SEALED if one.table is table]


def _key(table: Table) -> Column[Any]:
    (key,) = table.primary_key.columns
    column: Column[Any] = key
    return column


def _rows(table: Table) -> Any:
    also = [_NUMBER_HASH] if table is NUMBER.table else []
    return select(_key(table), *(one.column for one in sealed_in(table)), *also)
