"""How far the product's clock is ahead, for every process alike."""

from datetime import timedelta

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col

from db.engine import Database
from db.tables.job import ClockOffsetRow
from db.updates import changed_one

_ROW = 1
_MICROSECOND = timedelta(microseconds=1)


async def load_offset(database: Database) -> timedelta:
    """Zero where the clock was never moved. In a transaction of its own."""
    async with database.read() as session:
        row = await session.get(ClockOffsetRow, _ROW)
    return row.offset_us * _MICROSECOND if row else timedelta()


async def move_offset(database: Database, before: timedelta, after: timedelta) -> bool:
    """Write `after` and commit; False where the offset is beyond `before`, as another process has moved it."""
    insert = sqlite_insert if database.is_sqlite else postgresql_insert
    offset = insert(ClockOffsetRow).values(id=_ROW, offset_us=after // _MICROSECOND)
    statement = offset.on_conflict_do_update(
        index_elements=["id"],
        set_={"offset_us": offset.excluded.offset_us},
        where=col(ClockOffsetRow.offset_us) <= before // _MICROSECOND,
    )
    async with database.write() as session:
        moved = changed_one(await session.exec(statement))
        await session.commit()
    return moved
