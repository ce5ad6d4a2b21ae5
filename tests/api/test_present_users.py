"""What banks are told of a payment's user in the calls after the initiation."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders.gateway import payment_of
from tests.builders.odd_banks import OddBank, odd_bank

APP, BROWSER = "Drop-iOS/3.2", "Safari/17"
BANKS = {"bank_handelsbanken": "ingrid", "bank_dnb": "kari"}


@pytest.fixture
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    bank_id: str = request.param
    persona = BANKS[bank_id]
    async with odd_bank("open_payments", database_url, tmp_path, persona=persona, bank_id=bank_id) as bank:
        if bank_id == "bank_handelsbanken":
            # Whoever banks there has to submit their document twice.
            await bank.kari.ask("mutation { retryKyc { kyc { status } } }")
            await bank.pass_time(seconds=3)
        await bank.connect()
        yield bank


async def paid(bank: OddBank) -> dict[str, Any]:
    """A payment that was begun in the app and is approved in the browser of the same phone."""
    bank.kari.http.headers["user-agent"] = APP
    payment = await bank.pay()
    bank.kari.http.headers["user-agent"] = BROWSER
    return payment


async def kept(bank: OddBank) -> Any:
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        return (await connection.execute(text("SELECT device_encrypted FROM payment"))).scalar_one()


def agents(bank: OddBank) -> set[str | None]:
    """By what name the user's device was told since the last look; None where nothing was told."""
    found = {told.get("psu-user-agent") for _, _, told in bank.face.told_of_payments}
    bank.face.told_of_payments.clear()
    return found


@pytest.mark.parametrize("bank", ["bank_handelsbanken"], indirect=True)
async def test_a_bank_that_wants_it_is_told_where_the_payment_was_begun_until_it_is_final(bank: OddBank) -> None:
    payment = await paid(bank)
    begun, stored = agents(bank), await kept(bank)
    await bank.pass_time(minutes=10)
    waiting, unattended = await payment_of(bank.kari, payment["id"]), agents(bank)

    await bank.visit(payment["authorisationUrl"])
    returned = agents(bank)
    await bank.pass_time(hours=2)

    assert (begun, unattended, returned) == ({APP}, {APP}, {BROWSER})
    assert waiting["status"] == "AUTHORISATION_REQUIRED"
    assert ((await payment_of(bank.kari, payment["id"]))["status"], await bank.booked()) == ("SETTLED", 1)
    assert stored is not None
    assert APP.encode() not in bytes(stored)
    assert await kept(bank) is None


@pytest.mark.parametrize("bank", ["bank_handelsbanken"], indirect=True)
async def test_a_bank_that_cannot_read_initiations_is_not_asked_to(bank: OddBank) -> None:
    day = bank.day(-7)
    payment = await bank.pay(executionDate=day)
    await bank.visit(payment["authorisationUrl"])
    scheduled = await payment_of(bank.kari, payment["id"])
    await bank.pass_time(days=10)

    assert scheduled["status"] == "SCHEDULED"
    assert ((await payment_of(bank.kari, payment["id"]))["status"], await bank.booked()) == ("SETTLED", 1)
    reads = {path for method, path, _ in bank.face.told_of_payments if method == "GET"}
    assert not any(path.endswith(bank.odd_payments.ids[0]) for path in reads)


@pytest.mark.parametrize("bank", ["bank_dnb"], indirect=True)
async def test_other_banks_are_told_of_users_who_are_present_alone(bank: OddBank) -> None:
    payment = await paid(bank)
    begun, stored = agents(bank), await kept(bank)
    await bank.pass_time(minutes=10)
    unattended = agents(bank)
    await bank.visit(payment["authorisationUrl"])

    assert (begun, unattended, agents(bank)) == ({APP}, {None}, {BROWSER})
    assert stored is None
