"""How far the product's clock is ahead, for every process alike."""

from datetime import timedelta

from db.engine import Database
from db.tables.job import ClockOffsetRow

_ROW = 1


async def load_offset(database: Database) -> timedelta:
    async with database.read() as session:
        row = await session.get(ClockOffsetRow, _ROW)
    return timedelta(microseconds=row.offset_us) if row else timedelta()


async def save_offset(database: Database, offset: timedelta) -> None:
    async with database.write() as session:
        await session.merge(ClockOffsetRow(id=_ROW, offset_us=offset // timedelta(microseconds=1)))
        await session.commit()
