"""Somebody whose eID has another subject than before is the same user, where the identity number proves it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders.at_bankid import CALLBACK, by_bankid, playing_at_bankid
from tests.builders.gateway import Play, Player
from tests.builders.openid import Op, openid_provider
from tests.builders.server import free_port

VIEWER = "{ viewer { id } }"


@pytest.fixture(scope="module")
def op() -> Iterator[Op]:
    with openid_provider(free_port(), CALLBACK) as op:
        yield op


@pytest.fixture
async def at_bankid(database_url: str, tmp_path: Path, op: Op) -> AsyncIterator[Play]:
    async with playing_at_bankid(database_url, tmp_path, op) as play:
        yield play


async def rows(play: Play, query: str) -> list[Any]:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        found = await connection.execute(text(query))
        return list(found.scalars()) if found.returns_rows else []


async def signed_in(play: Play, who: str) -> tuple[Player, str | None]:
    player = play.browser()
    await by_bankid(player, who=who)
    viewer = (await player.ask(VIEWER))["viewer"]
    return player, viewer and viewer["id"]


async def test_a_new_subject_with_the_same_number_is_the_same_user(at_bankid: Play) -> None:
    before, kari = await signed_in(at_bankid, "kari")

    _, renewed = await signed_in(at_bankid, "kari.renewed")

    assert renewed == kari
    assert (await before.ask(VIEWER))["viewer"] is None
    assert await rows(at_bankid, "SELECT action FROM audit_event WHERE action = 'identity_linked'")
    assert "identity_linked" in await rows(at_bankid, "SELECT template FROM notification")
    assert (await signed_in(at_bankid, "kari"))[1] == kari
    assert await rows(at_bankid, 'SELECT count(*) FROM "user"') == [1]


async def test_a_number_that_is_granted_later_is_kept(at_bankid: Play) -> None:
    _, kari = await signed_in(at_bankid, "kari")
    await rows(
        at_bankid,
        'UPDATE "user" SET national_identity_number_hash = NULL, national_identity_number_encrypted = NULL',
    )

    await signed_in(at_bankid, "kari")

    assert (await signed_in(at_bankid, "kari.renewed"))[1] == kari


async def test_a_simulated_eid_proves_no_number(play: Play) -> None:
    await play.person()
    await rows(play, "UPDATE \"user\" SET subject = 'somebody before'")

    kari = await play.person()

    assert (await kari.ask(VIEWER))["viewer"] is not None
    assert await rows(play, 'SELECT count(*) FROM "user"') == [2]
