"""How far the product's clock is ahead, for every process alike."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from db.engine import Database
from db.tables.job import ClockOffsetRow
from db.updates import changed_one

_ROW = 1
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class ClockOffset:
    """Of two, the greater is the newer: a clock only moves ahead until a reset, which begins a generation at zero."""

    generation: int = 0
    ahead: timedelta = timedelta()


async def load_offset(database: Database) -> ClockOffset:
    """Zero where the clock was never moved. In a transaction of its own."""
    async with database.read() as session:
        row = await session.get(ClockOffsetRow, _ROW)
    return ClockOffset(row.generation, row.offset_us * _MICROSECOND) if row else ClockOffset()


async def move_offset(database: Database, before: ClockOffset, after: ClockOffset) -> bool:
    """Write `after`, of the same generation, and commit; False where another process has moved or reset the clock."""
    insert = sqlite_insert if database.is_sqlite else postgresql_insert
    values = {"offset_us": after.ahead // _MICROSECOND, "generation": after.generation}
    statement = insert(ClockOffsetRow).values(id=_ROW, **values)
    statement = statement.on_conflict_do_update(
        index_elements=["id"],
        set_={"offset_us": statement.excluded.offset_us},
        where=(col(ClockOffsetRow.generation) == before.generation)
        & (col(ClockOffsetRow.offset_us) <= before.ahead // _MICROSECOND),
    )
    async with database.write() as session:
        moved = changed_one(await session.exec(statement))
        await session.commit()
    return moved


async def put_back(connection: AsyncConnection) -> None:
    """Put the clock back to the machine's, in the caller's transaction."""
    again = {"offset_us": 0, "generation": ClockOffsetRow.generation + 1}
    await connection.execute(update(ClockOffsetRow).values(again))
