"""One operation reads one moment over one connection, on both databases."""

import asyncio
import contextvars
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

import pytest
from anyio import fail_after
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import AsyncAdaptedQueuePool

from db.engine import Database, open_database
from db.snapshot import letting_go, one_snapshot
from db.unit_of_work import CommitWakeUps, Queries, Read, UnitOfWork, reading
from domain.ids import UserId
from domain.user import User
from tests.builders.fields import FIELDS

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KARI = UserId("usr_kari")


@pytest.fixture
async def database(either_database_url: str) -> AsyncIterator[Database]:
    database = open_database(either_database_url, fields=FIELDS)
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        await work.users.add(User(KARI, "Kari", NOON), issuer="i", subject="s")
        await work.commit()
    yield database
    assert held(database) == 0
    await database.close()


def held(database: Database) -> int:
    """How many connections for reading are in use."""
    pool = database.read_engine.sync_engine.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)
    return pool.checkedout()


async def rename(database: Database, name: str) -> None:
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        await work.users.rename(KARI, name)
        await work.commit()


async def name_of(read: Read) -> str:
    async with read() as reads:
        return await name_in(reads)


async def name_in(reads: Queries) -> str:
    reads.session.expire_all()
    user = await reads.users.get(KARI)
    assert user is not None
    return user.name


async def test_what_an_operation_reads_is_of_one_moment_until_it_lets_go(database: Database) -> None:
    read = partial(reading, database.read)
    async with one_snapshot():
        assert held(database) == 0
        first = await name_of(read)
        writing = asyncio.create_task(rename(database, "Kari Ann"), context=_outside())
        await writing
        again, held_between = await name_of(read), held(database)
        side_by_side = await asyncio.gather(*(name_of(read) for _ in range(5)))
        async with letting_go():
            held_while_waiting = held(database)
            meanwhile = await name_of(read)
            held_after_a_turn = held(database)
        await rename(database, "Kari Beate")
        after = await name_of(read)

    assert (first, again, set(side_by_side), held_between) == ("Kari", "Kari", {"Kari"}, 1)
    assert (held_while_waiting, meanwhile, held_after_a_turn) == (0, "Kari Ann", 0)
    assert after == "Kari Beate"


async def test_a_read_within_a_read_goes_on_in_the_same_turn(database: Database) -> None:
    read = partial(reading, database.read)
    with fail_after(5):
        async with one_snapshot(), read() as outer:
            assert await name_of(read) == await name_in(outer) == "Kari"
            assert held(database) == 1


async def test_a_statement_that_fails_spoils_no_other(database: Database) -> None:
    read = partial(reading, database.read)

    async def fail() -> None:
        async with read() as reads:
            await reads.session.exec(text("SELECT no_such_column FROM session"))  # type: ignore[call-overload]

    async with one_snapshot():
        found = await asyncio.gather(name_of(read), fail(), name_of(read), return_exceptions=True)

    assert (found[0], found[2]) == ("Kari", "Kari")
    assert isinstance(found[1], DBAPIError)


async def test_a_task_that_outlives_its_operation_reads_and_gives_its_connection_back(database: Database) -> None:
    read, may_end, has_begun = partial(reading, database.read), asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        async with read() as reads:
            has_begun.set()
            await may_end.wait()
            return await name_in(reads)

    with fail_after(5):
        async with one_snapshot():
            running = asyncio.create_task(slow())
            waiting = asyncio.create_task(name_of(read))
            await has_begun.wait()
        may_end.set()
        assert await running == await waiting == "Kari"


def _outside() -> contextvars.Context:
    return contextvars.Context()
