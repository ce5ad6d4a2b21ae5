"""How much a user may have: sign-ins, files, exports."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.test_upload import CREATE, DELETE, declared
from tests.builders.gateway import Play, playing
from tests.builders.sockets import socket_of
from tests.conftest import NOON

EXPORT = "mutation { requestDataExport { dataExport { id status } userErrors { code } } }"
SESSIONS = "{ viewer { sessions { edges { node { id } } } } }"


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(
        database_url, tmp_path, NOON, limit_sessions=2, limit_stored_mib=1, limit_exports_a_day=2
    ) as play:
        yield play


async def test_another_sign_in_ends_the_one_that_was_used_longest_ago(play: Play) -> None:
    oldest, older = await play.person(), await play.person()
    async with socket_of(play, oldest) as socket:
        assert (await socket.receive())["type"] == "connection_ack"
        newest = await play.person()
        closed = await socket.receive()

    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
    assert (await oldest.ask("{ viewer { id } }"))["viewer"] is None
    for player in (older, newest):
        assert len((await player.ask(SESSIONS))["viewer"]["sessions"]["edges"]) == 2


async def test_files_take_so_much_and_room_comes_back(play: Play) -> None:
    kari, ola = await play.person(), await play.person("ola")
    half = declared(sizeBytes=600_000)
    first = (await kari.ask(CREATE, input=half))["createUpload"]
    full = (await kari.ask(CREATE, input=half))["createUpload"]
    of_another = (await ola.ask(CREATE, input=half))["createUpload"]
    await kari.ask(DELETE, id=first["upload"]["id"])
    again = (await kari.ask(CREATE, input=half))["createUpload"]

    assert (full["upload"], [error["code"] for error in full["userErrors"]]) == (None, ["INVALID_STATE"])
    assert (of_another["userErrors"], again["userErrors"]) == ([], [])


async def test_exports_are_asked_for_one_at_a_time_and_so_many_a_day(play: Play) -> None:
    kari = await play.person()
    first = (await kari.ask(EXPORT))["requestDataExport"]["dataExport"]["id"]
    meanwhile = (await kari.ask(EXPORT))["requestDataExport"]["dataExport"]["id"]
    await play.settle()
    second = (await kari.ask(EXPORT))["requestDataExport"]["dataExport"]["id"]
    await play.advance(hours=1)
    (error,) = (await kari.post(EXPORT)).json()["errors"]
    await play.advance(hours=23)
    later = (await kari.ask(EXPORT))["requestDataExport"]["dataExport"]["id"]

    assert first == meanwhile
    assert len({first, second, later}) == 3
    assert (error["extensions"]["code"], error["extensions"]["retryAfter"]) == ("RATE_LIMITED", 23 * 3600)
