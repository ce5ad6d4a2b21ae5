"""A full disk, a read-only database: what cannot be kept is refused whole, reads go on, and so does all afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from anyio import fail_after
from sqlalchemy import func, select

from db.tables.payment import PaymentRow
from tests.builders.crashing import MachineClock
from tests.builders.gateway import PAY, Play, Player, a_payment, nodes, pay, payment_of, playing
from tests.builders.line import Line
from tests.builders.no_writes import taking_no_writes
from tests.conftest import NOON

READ_ONLY = [("sqlite", "read-only"), ("postgresql", "read-only")]
where_read_only = pytest.mark.parametrize("case", READ_ONLY, indirect=True, ids="-".join)


@pytest.fixture(params=[("sqlite", "full"), ("postgresql", "full"), *READ_ONLY], ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    kind, how = request.param
    return request.getfixturevalue(f"{kind}_url"), how


@pytest.fixture
async def machine() -> MachineClock:
    return MachineClock()


@pytest.fixture
async def play(case: tuple[str, str], tmp_path: Path, machine: MachineClock) -> AsyncIterator[Play]:
    async with playing(case[0], tmp_path, NOON, machine_clock=machine) as play:
        yield play


async def until(play: Play, player: Player, database: str) -> None:
    """Health is answered from a memory of a second."""
    with fail_after(5):
        while True:
            await play.gateway.infrastructure.database.watch.look()
            health = await player.http.get("/api/health")
            if health.json()["checks"]["database"] == database:
                break
    ready = await player.http.get("/api/health/ready")
    assert (health.status_code, ready.status_code) == ((200, 200) if database == "ok" else (503, 503))


async def payments_in(play: Play) -> int:
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        count: int = (await connection.execute(select(func.count()).select_from(PaymentRow))).scalar_one()
    return count


async def pay_until_refused(player: Player, account: str) -> tuple[int, dict[str, Any]]:
    """How many were taken before, and the error: a full disk still has room in the pages that are there."""
    for taken in range(200):
        body = (await player.post(PAY, input=a_payment(account, 1_000 + taken))).json()
        if "errors" in body:
            return taken, body["errors"][0]
    raise AssertionError("every payment was taken")


async def test_what_cannot_be_kept_is_refused_whole_and_all_goes_on_afterwards(
    play: Play, case: tuple[str, str]
) -> None:
    kari, account = await play.banked()
    database = play.gateway.infrastructure.database

    async with taking_no_writes(database, *case):
        taken, error = await pay_until_refused(kari, account)
        await until(play, kari, "down")
        stored = await payments_in(play)
        listed = await kari.ask("{ viewer { payments { edges { node { id } } } } }")

    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert stored == taken
    assert len(listed["viewer"]["payments"]["edges"]) == min(taken, 20)
    await until(play, kari, "ok")
    payment = (await pay(kari, a_payment(account, 77)))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")
    await play.advance(minutes=5)
    assert (await payment_of(kari, payment["id"]))["status"] == "SETTLED"
    assert await payments_in(play) == taken + 1


@where_read_only
async def test_a_session_is_read_where_its_use_cannot_be_noted(
    play: Play, case: tuple[str, str], machine: MachineClock
) -> None:
    kari, _ = await play.banked()
    machine.at = machine.at.replace(hour=13)

    async with taking_no_writes(play.gateway.infrastructure.database, *case):
        viewer = (await kari.ask("{ viewer { name } }"))["viewer"]

    assert viewer["name"]


@where_read_only
async def test_what_the_bank_took_meanwhile_is_found_out_by_the_job(play: Play, case: tuple[str, str]) -> None:
    kari, account = await play.banked()
    line = Line(play.gateway.sandbox)
    line.delays(b"/bank/payments")

    with stamina.set_testing(True, attempts=2), fail_after(10):  # the answer is stored with fewer tries
        paying = asyncio.create_task(kari.post(PAY, input=a_payment(account)))
        await line.is_delaying.wait()
        async with taking_no_writes(play.gateway.infrastructure.database, *case):
            line.let_go()
            await paying
    await play.advance(minutes=5)

    (listed,) = nodes(
        (await kari.ask("{ viewer { payments { edges { node { id authorisationUrl } } } } }"))["viewer"]["payments"]
    )
    await kari.press(listed["authorisationUrl"], "approve")
    await play.advance(minutes=5)
    assert (await payment_of(kari, listed["id"]))["status"] == "SETTLED"
    assert len(await play.ledger()) == 1
