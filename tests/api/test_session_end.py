"""When a sign-in ends by itself: unused, or at its longest; and what counts as its use."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after
from sqlalchemy import select

from db.tables.all import METADATA
from tests.api.test_login import VIEWER, app_tokens, bearer
from tests.api.test_sign_in import is_signed_in, refreshed
from tests.builders.gateway import Play, nodes, playing
from tests.builders.sandbox import MovedClock
from tests.builders.sockets import Socket, event_stream, opened, socket_of
from tests.conftest import NOON

ENDS = "{ viewer { sessions { edges { node { expiresAt } } } } }"
KYC = "subscription($after: String) { kycUpdated(after: $after) { cursor } }"
A_MOMENT = timedelta(seconds=0.2)


@pytest.fixture
def machine() -> MovedClock:
    return MovedClock(NOON)


@pytest.fixture
async def play(database_url: str, tmp_path: Path, machine: MovedClock) -> AsyncIterator[Play]:
    async with playing(database_url, tmp_path, NOON, machine_clock=machine, web_session_idle_minutes=5) as play:
        yield play


async def answered(socket: Socket) -> None:
    """Ask something on the socket, and read the answer to its end."""
    await socket.subscribe(VIEWER, "asked")
    assert (await socket.receive())["payload"]["data"]["viewer"] is not None
    assert (await socket.receive())["type"] == "complete"


async def test_a_browser_is_signed_out_after_five_minutes_and_each_use_moves_it_on(
    play: Play, machine: MovedClock
) -> None:
    kari = await play.person()
    machine.at += timedelta(minutes=4)
    shown = nodes((await kari.ask(ENDS))["viewer"]["sessions"])[0]["expiresAt"]
    machine.at += timedelta(minutes=5) - A_MOMENT
    still = await is_signed_in(kari)
    machine.at += timedelta(minutes=5)

    assert shown == "2026-11-24T12:09:00.000Z"
    assert still
    assert not await is_signed_in(kari)


async def test_a_browser_that_is_used_is_signed_out_after_twelve_hours(
    database_url: str, tmp_path: Path, machine: MovedClock
) -> None:
    async with playing(database_url, tmp_path, NOON, machine_clock=machine) as play:
        kari = await play.person()
        machine.at += timedelta(hours=12) - A_MOMENT

        assert await is_signed_in(kari)
        machine.at += A_MOMENT
        assert not await is_signed_in(kari)


async def test_what_is_asked_on_a_socket_is_use_and_what_is_pushed_or_resumed_is_none(
    play: Play, machine: MovedClock
) -> None:
    kari = await play.person()
    async with socket_of(play, kari) as socket:
        await opened(socket)
        machine.at += timedelta(minutes=4)
        await answered(socket)
        machine.at += timedelta(minutes=4)
        await socket.subscribe(KYC)
        cursor = (await socket.item())["cursor"]
        await socket.send(type="complete", id="1")
        machine.at += timedelta(minutes=4)
        await socket.send(type="ping")
        assert (await socket.receive())["type"] == "pong"
        await socket.subscribe(KYC, "2", after=cursor)
    async with socket_of(play, kari) as again:
        await opened(again)
        await again.subscribe(KYC, after=cursor)
        await again.send(type="ping")
        assert (await again.receive())["type"] == "pong"
    machine.at += timedelta(minutes=1) - A_MOMENT / 2
    async with socket_of(play, kari) as last:
        await opened(last)
        machine.at += A_MOMENT
        with fail_after(5):
            closed = await last.receive()

    assert closed["code"] == 4401
    assert not await is_signed_in(kari)


async def test_an_event_stream_ends_within_a_second_when_its_session_runs_out(play: Play, machine: MovedClock) -> None:
    kari = await play.person()
    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(KYC)
        cursor = (await socket.item())["cursor"]
    machine.at += timedelta(minutes=5) - A_MOMENT
    with fail_after(5):
        async with event_stream(play, kari, KYC, after=cursor) as lines:
            await anext(lines)
            machine.at += A_MOMENT
            told = [line async for line in lines if line.startswith(("data: ", "event: "))]

    assert "UNAUTHENTICATED" in told[-2]
    assert told[-1] == "event: complete"
    assert not await is_signed_in(kari)


async def test_an_app_lasts_two_weeks_unused_and_no_refresh_is_use(play: Play, machine: MovedClock) -> None:
    tokens = await app_tokens(play.browser())
    for days in (5, 5, 4):
        machine.at += timedelta(days=days)
        last, tokens = tokens, await refreshed(play, tokens["refresh_token"])

    assert "access_token" in last
    assert tokens["error"] == "invalid_grant"


async def test_an_app_that_is_used_lasts_ninety_days(play: Play, machine: MovedClock) -> None:
    tokens = await app_tokens(play.browser())
    for _ in range(9):
        assert await is_signed_in(bearer(play, tokens["access_token"]))
        machine.at += timedelta(days=10)
        last, tokens = tokens, await refreshed(play, tokens["refresh_token"])

    assert "access_token" in last
    assert tokens["error"] == "invalid_grant"


async def test_browsers_that_ran_out_push_no_app_out(database_url: str, tmp_path: Path, machine: MovedClock) -> None:
    settings: dict[str, Any] = {"web_session_idle_minutes": 5, "limit_sessions": 2}
    async with playing(database_url, tmp_path, NOON, machine_clock=machine, **settings) as play:
        app = bearer(play, (await app_tokens(play.browser()))["access_token"])
        for _ in range(2):
            machine.at += timedelta(minutes=6)
            await play.browser().sign_in()

        assert await is_signed_in(app)


async def test_a_session_that_has_run_out_is_in_the_audit_trail_once(play: Play, machine: MovedClock) -> None:
    kari = await play.person()
    app = await app_tokens(kari)
    sessions = play.gateway.services.sessions
    machine.at += timedelta(minutes=15)
    await sessions.end_run_out()
    while_a_login_may_confirm_it = await ends(play)

    machine.at += timedelta(minutes=5)
    for _ in range(2):
        await sessions.end_run_out()
    browsers = await ends(play)
    machine.at += timedelta(days=14)
    await sessions.end_run_out()

    assert while_a_login_may_confirm_it == []
    assert browsers == [{"because": "ran out", "ran_out_at": (NOON + timedelta(minutes=5)).isoformat()}]
    assert (await ends(play))[1:] == [{"because": "ran out", "ran_out_at": (NOON + timedelta(days=14)).isoformat()}]
    assert (await refreshed(play, app["refresh_token"]))["error"] == "invalid_grant"


async def ends(play: Play) -> list[Any]:
    trail = METADATA.tables["audit_event"]
    query = select(trail.c.detail).where(trail.c.action == "signed_out").order_by(trail.c.id)
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        return list((await connection.execute(query)).scalars())
