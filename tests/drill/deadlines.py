"""What ends by itself at the database, waited for on the machine's own clock: half a minute, so no part of CI."""

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from db.engine import Database, open_database
from tests.faults.test_killed_processes import until

# How much longer than what is promised a busy machine may take.
SLACK_S = 30
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def database(postgresql_url: str) -> AsyncIterator[Database]:
    database = open_database(postgresql_url, connections=2)
    yield database
    await database.close()


async def ends(waiting: Awaitable[object], within_s: float, error: type[Exception]) -> str:
    with pytest.raises(error) as ended:
        async with asyncio.timeout(within_s + SLACK_S):
            await waiting
    return str(ended.value)


async def test_a_wait_for_a_connection_ends(database: Database) -> None:
    engine = database.write_engine
    async with engine.connect(), engine.connect():
        await ends(engine.connect().start(), 10, NoConnection)


async def test_a_wait_for_sqlites_turn_to_write_ends(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    async with database.write_engine.begin():
        await ends(database.write_engine.connect().start(), 10, NoConnection)
    await database.close()


async def test_a_wait_for_a_row_that_is_locked_ends(database: Database) -> None:
    fill = "INSERT INTO clock_offset (id, offset_us) VALUES (1, 0) ON CONFLICT DO NOTHING"
    change = "UPDATE clock_offset SET offset_us = 0"
    async with database.write_engine.begin() as connection:
        await connection.exec_driver_sql(fill)
    async with database.write_engine.begin() as holding, database.write_engine.connect() as waiting:
        await holding.exec_driver_sql(change)
        said = await ends(waiting.exec_driver_sql(change), 10, DBAPIError)

    assert "lock timeout" in said


async def test_a_statement_ends(database: Database) -> None:
    async with database.write_engine.connect() as connection:
        said = await ends(connection.exec_driver_sql("SELECT pg_sleep(300)"), 30, DBAPIError)

    assert "statement timeout" in said


async def test_a_transaction_that_does_nothing_ends(database: Database) -> None:
    async with database.write_engine.connect() as idle, database.write_engine.connect() as looking:
        (pid,) = (await idle.exec_driver_sql("SELECT pg_backend_pid()")).one()

        async def is_gone() -> bool:
            found = await looking.exec_driver_sql(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}")
            is_there = found.first() is not None
            await looking.rollback()
            return not is_there

        await until(is_gone, 30 + SLACK_S)
        await idle.invalidate()
