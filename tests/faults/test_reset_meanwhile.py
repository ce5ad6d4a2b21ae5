"""A reset of mock mode goes through, whatever a job or a request writes meanwhile."""

import asyncio
from pathlib import Path

import asyncpg
from anyio import fail_after
from sqlalchemy import text

from tests.builders.gateway import playing
from tests.conftest import NOON

WAITING = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""
SPENT = "INSERT INTO spent_refresh (refresh_hash, session_id) SELECT 'hash', id FROM session"


async def test_what_is_written_during_a_reset_is_cleared_too(postgresql_url: str, tmp_path: Path) -> None:
    async with playing(postgresql_url, tmp_path, NOON) as play:
        kari = await play.person()
        database = play.gateway.infrastructure.database
        async with database.write_engine.connect() as meanwhile:
            await meanwhile.execute(text(SPENT))
            resetting = asyncio.create_task(kari.http.post("/api/mock/reset"))
            # Apart: within a transaction the activity stays as it was first seen.
            watching = await asyncpg.connect(postgresql_url)
            with fail_after(10):
                while not await watching.fetchval(WAITING):
                    pass
            await watching.close()
            await meanwhile.commit()
            answer = await resetting

        async with database.read_engine.connect() as connection:
            left = (await connection.execute(text("SELECT count(*) FROM spent_refresh"))).scalar_one()
    assert (answer.status_code, left) == (200, 0)
