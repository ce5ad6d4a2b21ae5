"""SQLite on the event loop's thread: nothing that waits, and nothing that goes on, keeps others from their turn."""

import asyncio
import sqlite3

from sqlalchemy import text

from db.engine import open_database
from db.unit_of_work import Reading


async def test_another_process_that_writes_is_waited_for_while_others_go_on(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with database.write_engine.begin() as connection:
            await connection.execute(text("DELETE FROM job"))

    writing = asyncio.create_task(write())
    async with database.read() as reading:
        await reading.exec(text("SELECT 1"))  # type: ignore[call-overload]  # a statement of no table
    assert not writing.done()
    other.execute("COMMIT")
    await writing

    other.close()
    await database.close()


async def test_transactions_one_after_the_other_give_others_their_turns(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    for _ in range(20):
        async with Reading(database.read) as reading:
            await reading.jobs.next_due(())
    other.cancel()

    assert turns >= 20
    await database.close()
