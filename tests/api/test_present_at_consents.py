"""What banks are told of a consent's user in the calls after it was asked for."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders.gateway import CONNECT
from tests.builders.odd_banks import OddBank, odd_bank

APP, BROWSER = "Drop-iOS/3.2", "Safari/17"
BANKS = {"bank_handelsbanken": "ingrid", "bank_dnb": "kari"}


@pytest.fixture
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    bank_id: str = request.param
    async with odd_bank("open_payments", database_url, tmp_path, persona=BANKS[bank_id], bank_id=bank_id) as bank:
        yield bank


async def asked(bank: OddBank) -> dict[str, Any]:
    """A consent that is asked for in the app; what follows comes from the browser of the same phone."""
    bank.kari.http.headers["user-agent"] = APP
    payload: dict[str, Any] = (await bank.kari.ask(CONNECT, bank=bank.bank_id))["connectBank"]
    bank.kari.http.headers["user-agent"] = BROWSER
    assert payload["userErrors"] == []
    return payload


async def kept(bank: OddBank) -> Any:
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        return (await connection.execute(text("SELECT device_encrypted FROM consent"))).scalar_one()


def agents(bank: OddBank) -> set[str | None]:
    """By what name the user's device was told since the last look; None where nothing was told."""
    found = {told.get("psu-user-agent") for _, _, told in bank.face.told_of_consents}
    bank.face.told_of_consents.clear()
    return found


both = pytest.mark.parametrize("bank", BANKS, indirect=True)


@both
async def test_a_decoupled_consent_tells_of_the_user_who_waits(bank: OddBank) -> None:
    bank.face.is_decoupled = True
    await asked(bank)
    begun, stored = agents(bank), await kept(bank)
    await bank.pass_time(seconds=4)
    waiting = agents(bank)

    await bank.sandbox.press(f"/sandbox/bank/consents/{bank.odd.consents[-1]}", decision="refuse")
    await bank.pass_time(seconds=4)

    assert (begun, waiting) == ({APP}, {APP})
    assert stored is not None
    assert APP.encode() not in bytes(stored)
    assert ((await bank.link())["status"], await kept(bank)) == ("REJECTED", None)


@both
async def test_a_return_tells_of_the_device_that_is_there(bank: OddBank) -> None:
    payload = await asked(bank)
    agents(bank)
    await bank.visit(payload["authorisationUrl"])

    assert agents(bank) == {BROWSER}
    assert ((await bank.link())["status"], await kept(bank)) == ("ACTIVE", None)


@pytest.mark.parametrize(
    ("bank", "told"), [("bank_handelsbanken", APP), ("bank_dnb", None)], indirect=["bank"], ids=["wanted", "not wanted"]
)
async def test_without_the_user_only_a_bank_that_wants_it_is_told_of_them(bank: OddBank, told: str | None) -> None:
    await asked(bank)
    agents(bank)
    await bank.pass_time(minutes=17)

    assert agents(bank) == {told}
    assert ((await bank.link())["status"], await kept(bank)) == ("EXPIRED", None)
