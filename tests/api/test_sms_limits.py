"""How many SMS a number gets and a user causes, whatever is asked for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.test_login import app_tokens
from tests.api.test_sign_in import refreshed
from tests.builders.gateway import Play, Player, playing
from tests.builders.messages import notifications
from tests.conftest import NOON

CHANGE = 'a%d: updateProfile(input: {phone: "+4790000001"}) { userErrors { code } }'


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(database_url, tmp_path, NOON, limit_sms_an_hour=2, limit_sms_a_day=3) as play:
        yield play


async def changed(player: Player, first: int, times: int = 1) -> list[bool]:
    """Whether each change of contact data was taken, all in one document: each sends a code by SMS."""
    aliases = " ".join(CHANGE % nth for nth in range(first, first + times))
    body = (await player.post(f"mutation {{ {aliases} }}")).json()
    for error in body.get("errors", []):
        assert (error["extensions"]["code"], error["extensions"]["retryAfter"] > 0) == ("RATE_LIMITED", True)
    return [payload is not None for payload in body["data"].values()]


async def test_one_document_causes_no_more_than_a_number_gets_in_an_hour(play: Play) -> None:
    kari = await play.person()

    assert await changed(kari, 0, times=5) == [True, True, False, False, False]
    assert [template for template, _ in await notifications(play)].count("contact_code_sms") == 2


async def test_a_user_causes_no_more_than_so_many_a_day(play: Play) -> None:
    kari = await play.person()

    assert await changed(kari, 0, times=2) == [True, True]
    await play.advance(hours=1)
    assert await changed(kari, 2, times=2) == [True, False]
    await play.advance(hours=22)
    assert await changed(kari, 4) == [False]
    await play.advance(hours=1)
    assert await changed(kari, 5) == [True]


async def test_a_number_is_spared_whoever_causes_the_sms(play: Play) -> None:
    kari, ola = await play.person(), await play.person("ola")

    assert await changed(kari, 0) == [True]
    assert await changed(ola, 1) == [True]
    assert await changed(ola, 2) == [False]


async def test_nobody_is_kept_out_by_them(play: Play) -> None:
    kari = await play.person()
    await changed(kari, 0, times=2)

    other = await play.browser(**{"user-agent": "another device"}).sign_in()

    assert (await other.ask("{ viewer { pendingPhone { address } } }"))["viewer"]["pendingPhone"]


async def test_a_stolen_sign_in_ends_whether_or_not_its_user_can_be_told(play: Play) -> None:
    kari = await play.person()
    await changed(kari, 0, times=2)
    first = await app_tokens(play.browser())
    second = await refreshed(play, first["refresh_token"])
    present = await refreshed(play, second["refresh_token"])

    stolen = await refreshed(play, first["refresh_token"])

    assert stolen["error"] == "invalid_grant"
    assert (await refreshed(play, present["refresh_token"]))["error"] == "invalid_grant"
