"""The mock clock in several processes: no advance of it is lost, and it never runs backwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from anyio import fail_after
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.mock.clock_driver import follow_offset
from tests.builders.gateway import Play, playing
from tests.conftest import NOON


async def seconds_ahead(play: Play) -> int:
    ahead: int = (await play.browser().http.get("/api/mock/clock")).json()["aheadSeconds"]
    return ahead


@pytest.fixture
async def plays(either_database_url: str, tmp_path: Path) -> AsyncIterator[list[Play]]:
    """Two processes on one database."""
    async with (
        playing(either_database_url, tmp_path / "one", NOON) as one,
        playing(either_database_url, tmp_path / "other", NOON) as other,
    ):
        yield [one, other]


async def test_an_advance_in_one_process_is_added_to_that_of_another(plays: list[Play]) -> None:
    one, other = plays

    await one.advance(hours=2)
    await other.advance(seconds=3)

    assert await seconds_ahead(other) == 7_203


async def test_advances_at_the_same_time_are_added(plays: list[Play]) -> None:
    await asyncio.gather(*(play.advance(hours=1) for play in plays for _ in range(3)))
    for play in plays:
        await play.advance(seconds=1)

    assert await seconds_ahead(plays[-1]) == 6 * 3_600 + 2


async def test_an_offset_that_was_read_before_an_advance_does_not_undo_it(play: Play) -> None:
    clock, database = play.gateway.clock, play.gateway.infrastructure.database
    reads = asyncio.Queue[asyncio.Event]()

    @asynccontextmanager
    async def slow_reading() -> AsyncIterator[AsyncSession]:
        async with database.read() as session:
            yield session
            reads.put_nowait(may_end := asyncio.Event())
            await may_end.wait()

    slow = replace(database, read=cast("async_sessionmaker[Any]", slow_reading))
    following = asyncio.create_task(follow_offset(clock, slow))
    with fail_after(10):
        before_the_advance = await reads.get()
        await play.advance(seconds=3)
        before_the_advance.set()
        await reads.get()
    ahead = await seconds_ahead(play)
    following.cancel()

    assert ahead == 3
