"""A PostgreSQL that hangs: who asks is told to come again within two seconds, and all goes on once it answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from anyio import fail_after

from gateway.app import create_app
from gateway.settings.check import load_settings
from tests.builders.frozen import FreezableLine, freezable
from tests.builders.gateway import Play, Player, nodes
from tests.builders.sockets import opened, socket_of

# Two seconds, and what a busy machine adds.
SOON_S = 5.0
KYC = {"query": "mutation { startKyc { kyc { status } } }"}


@asynccontextmanager
async def running(database_url: str, folder: Path) -> AsyncIterator[Play]:
    """By itself, as it is served."""
    settings = load_settings(database_url=database_url, sandbox_path=folder / "sandbox.sqlite3", _env_file=None)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        play = Play(app, app.state.gateway)
        try:
            yield play
        finally:
            for client in play.clients:
                await client.aclose()


@pytest.fixture
async def line(postgresql_url: str) -> AsyncIterator[FreezableLine]:
    async with freezable(postgresql_url) as line:
        yield line


async def timed(asking: object) -> tuple[httpx.Response, float]:
    begun = time.monotonic()
    response: httpx.Response = await asking  # type: ignore[misc]  # any awaitable of a response
    return response, time.monotonic() - begun


async def checks_of(player: Player) -> dict[str, str]:
    checks: dict[str, str] = (await player.http.get("/api/health")).json()["checks"]
    return checks


async def test_requests_are_refused_soon_and_answered_again(line: FreezableLine, tmp_path: Path) -> None:
    async with running(line.url, tmp_path) as play:
        kari = await play.person()

        line.freeze()
        under_way = [timed(kari.http.post("/graphql", json=KYC)) for _ in range(30)]
        with fail_after(10):
            answers = await asyncio.gather(*under_way, timed(kari.http.get("/auth/bankid/login")))
            later = await timed(kari.http.post("/graphql", json=KYC))
            health, probed_s = await timed(kari.http.get("/api/health"))
            ready, _ = await timed(kari.http.get("/api/health/ready"))

        assert {(one.status_code, one.headers.get("retry-after")) for one, _ in answers} == {(503, "5")}
        assert max(took for _, took in answers) < SOON_S
        assert (later[0].status_code, later[0].json()["code"]) == (503, "UNAVAILABLE")
        assert later[1] < 1.5
        assert (health.status_code, health.json()["checks"]["database"], ready.status_code) == (503, "down", 503)
        assert probed_s < 1.5

        line.thaw()
        with fail_after(10):
            while (await checks_of(kari))["database"] != "ok":
                pass
            started = await kari.http.post("/graphql", json=KYC)
        assert started.json()["data"]["startKyc"]["kyc"]["status"] == "PENDING"


FOLLOW = "subscription { kycUpdated { kind kyc { status } } }"


async def until(player: Player, database: str) -> None:
    with fail_after(10):
        while (await checks_of(player))["database"] != database:
            pass


async def test_what_follows_and_what_watches_outlives_an_outage(
    line: FreezableLine, postgresql_url: str, tmp_path: Path
) -> None:
    async with running(line.url, tmp_path) as play:
        kari, per = await play.person(), await play.person("per")
        fanout = play.gateway.infrastructure.fanout
        (session,) = nodes((await per.ask("{ viewer { sessions { edges { node { id } } } } }"))["viewer"]["sessions"])
        async with socket_of(play, kari) as following, socket_of(play, per) as watched:
            for socket in (following, watched):
                await opened(socket)
                await socket.subscribe(FOLLOW)
                await socket.item()

            line.freeze()
            await until(kari, "down")
            await watched.subscribe("{ viewer { id } }", "2")
            untold = await watched.receive()
            await end_session(postgresql_url, session["id"])
            for channel in fanout.channels():
                fanout.wake(channel)  # as Redis does once it is back
            line.thaw()
            await until(kari, "ok")
            await kari.http.post("/graphql", json=KYC)

            item = await following.item()
            await watched.subscribe("{ viewer { id } }", "3")
            said = await watched.receive()
            while said["type"] != "websocket.close":
                assert said["type"] != "next" or said["payload"]["data"] is None, said
                said = await watched.receive()
            code = said["code"]

    assert (untold["type"], untold["payload"][0]["extensions"]["code"]) == ("error", "UNAVAILABLE")
    assert item == {"kind": "CHANGE", "kyc": {"status": "PENDING"}}
    assert code == 4401


async def end_session(url: str, session_id: str) -> None:
    """Beside every process, so that nobody is woken."""
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE session SET ended_at = now() WHERE id = $1", session_id)
    await connection.close()
