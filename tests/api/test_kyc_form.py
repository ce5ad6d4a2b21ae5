"""When the mock KYC vendor decides: once the form came in, or by itself where a scenario says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.test_kyc import RETRY, START, kyc_of
from tests.builders.gateway import Play, Player, playing
from tests.conftest import NOON

DOCUMENT = {"document": "passport"}


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """As `gateway serve` has it by default."""
    async with playing(database_url, tmp_path, NOON, sandbox_kyc_by_itself=False) as play:
        yield play


async def page_of(player: Player, mutation: str, name: str) -> str:
    return f"/sandbox/kyc/{(await player.ask(mutation))[name]['accessToken']['token']}"


async def test_the_verdict_comes_three_seconds_after_the_form(play: Play) -> None:
    kari = await play.person()
    page = await page_of(kari, START, "startKyc")
    await play.advance(hours=1)
    assert (await kyc_of(kari))["status"] == "PENDING"
    page = await page_of(kari, START, "startKyc")
    assert "Not handed in" in (await kari.browse(page)).text

    await kari.http.post(page, data=DOCUMENT)
    await play.advance(seconds=2)
    waiting = await kyc_of(kari)
    shown = (await kari.browse(page)).text
    await play.advance(seconds=1)

    assert waiting["status"] == "PENDING"
    assert ("Being checked" in shown, "<form" in shown) == (True, False)
    assert (await kyc_of(kari))["status"] == "APPROVED"


async def test_another_document_is_a_form_of_its_own(play: Play) -> None:
    ingrid = await play.person("ingrid")
    await ingrid.http.post(await page_of(ingrid, START, "startKyc"), data=DOCUMENT)
    await play.advance(seconds=3)
    assert (await kyc_of(ingrid))["retryRequired"] is True

    page = await page_of(ingrid, RETRY, "retryKyc")
    await play.advance(minutes=20)
    assert (await kyc_of(ingrid))["status"] == "PENDING"
    await ingrid.http.post(page, data=DOCUMENT)
    await play.advance(seconds=3)

    assert (await kyc_of(ingrid))["status"] == "APPROVED"


async def test_a_scenario_decides_by_itself(play: Play) -> None:
    kari = await play.person()
    await kari.http.post("/graphql", json={"query": START}, headers={"x-drop-scenario": "kyc-rejected"})
    await play.advance(seconds=3)

    assert (await kyc_of(kari))["status"] == "REJECTED"
