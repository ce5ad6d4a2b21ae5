"""The machine's clock is put back by an hour: no work waits for it to catch up, and nothing counts as fresh for it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from db.unit_of_work import CommitWakeUps, UnitOfWork
from tests.api.test_login import VIEWER, app_tokens, bearer, token
from tests.api.test_step_up import DELETE
from tests.builders.gateway import Play, Player, nodes, playing
from tests.builders.sandbox import MovedClock
from tests.conftest import NOON

BACK = timedelta(hours=1)
LEASE = timedelta(seconds=60)
EXPORT = "mutation { requestDataExport { dataExport { id } userErrors { code } } }"
EXPORTS = "{ viewer { dataExports { edges { node { status } } } } }"


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(NOON)


@pytest.fixture
async def play(either_database_url: str, tmp_path: Path, clock: MovedClock) -> AsyncIterator[Play]:
    async with playing(either_database_url, tmp_path, NOON, base_clock=clock, machine_clock=clock) as play:
        yield play


async def export_status(player: Player) -> str:
    (export,) = nodes((await player.ask(EXPORTS))["viewer"]["dataExports"])
    status: str = export["status"]
    return status


async def test_what_was_queued_before_is_done_at_once(play: Play, clock: MovedClock, alerts: list[str]) -> None:
    kari = await play.person()
    await kari.ask(EXPORT)

    clock.at -= BACK
    await play.settle()

    assert await export_status(kari) == "READY"
    assert "Clock went back" in alerts


async def test_the_lease_of_a_dead_worker_runs_out_all_the_same(play: Play, clock: MovedClock) -> None:
    kari = await play.person()
    await kari.ask(EXPORT)
    worker = play.gateway.worker
    async with UnitOfWork(play.gateway.infrastructure.database.write, CommitWakeUps()) as dead:
        await dead.jobs.claim("dead", 20, now=clock.at, machine_now=clock.at, lease=LEASE, kinds=worker.kinds)
        await dead.commit()

    clock.at -= BACK
    await worker.run_due()

    assert await export_status(kari) == "READY"


async def test_a_worker_that_died_before_does_not_count_as_alive(play: Play, clock: MovedClock) -> None:
    await play.settle()
    clock.at -= BACK

    checks = (await play.browser().http.get("/api/health")).json()["checks"]

    assert checks["worker"] == "down"


async def test_a_stolen_refresh_token_is_not_forgiven_for_an_hour(play: Play, clock: MovedClock) -> None:
    someone = play.browser()
    first = await app_tokens(someone)
    spent = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = (await token(someone, **spent)).json()

    clock.at -= BACK
    await token(someone, **spent)

    assert (await bearer(play, second["access_token"]).post(VIEWER)).status_code == 401


async def test_a_login_of_before_is_not_recent_for_an_hour(play: Play, clock: MovedClock) -> None:
    kari = await play.person()
    assert (await kari.ask(VIEWER))["viewer"]

    clock.at -= BACK

    assert await kari.error_code(DELETE) == "STEP_UP_REQUIRED"
