"""Approvals in the bank's app that something interrupts: a process that stops, a bank that does not answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after
from sqlalchemy import text

from providers.open_banking import direct_banks
from tests.builders.gateway import a_payment, first_account, pay, payment_of, playing
from tests.builders.odd_banks import OddBank, odd_bank
from tests.vendors.nextgenpsd2 import NextGenBanks, Sca


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank("direct", database_url, tmp_path) as bank:
        await bank.connect()
        yield bank


async def stored(bank: OddBank, column: str) -> Any:
    """A column of the only payment."""
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        return (await connection.execute(text(f"SELECT {column} FROM payment"))).scalar_one()


async def booked(bank: OddBank) -> int:
    return len((await bank.sandbox.http.get("/ledger")).json()["bookings"])


async def test_a_process_that_stops_keeps_what_the_bank_has_accepted_and_another_asks_on(
    bank: OddBank, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face: NextGenBanks = bank.face
    face.sca = Sca.DECOUPLED
    is_accepted, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        is_accepted.set()
        await go_on.wait()

    face.on_accepted = hold
    account, clock = await first_account(bank.kari), bank.sandbox.clock
    async with playing(database_url, tmp_path, clock.at, base_clock=clock, **bank.settings) as leaving:
        kari = leaving.browser()
        kari.http.cookies.update(bank.kari.http.cookies)
        paying = asyncio.create_task(pay(kari, a_payment(account)))
        with fail_after(10):
            await is_accepted.wait()
        # The server ends the requests that are still open; the bank answers while the process stops.
        paying.cancel()
        with suppress(asyncio.CancelledError):
            await paying
        finish = leaving.gateway.services.shield.finish

        async def finish_once_the_bank_answers() -> None:
            go_on.set()
            await finish()

        monkeypatch.setattr(leaving.gateway.services.shield, "finish", finish_once_the_bank_answers)
    waiting = await stored(bank, "status"), await stored(bank, "vendor_payment_id")
    await face.approve("obp-000001")
    await bank.pass_time(seconds=4)

    assert waiting[0] == "AUTHORISATION_REQUIRED"
    assert "obp-000001" in waiting[1]
    assert await stored(bank, "status") in ("PROCESSING", "SETTLED")
    await bank.pass_time(minutes=5)
    assert await booked(bank) == 1


async def test_a_method_is_not_chosen_again_though_the_bank_does_not_answer(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = replace(direct_banks.RESILIENCE, timeout_s=2)
    monkeypatch.setattr("providers.open_banking.direct_vendor.RESILIENCE", short)
    late = asyncio.Event()
    async with odd_bank("direct", database_url, tmp_path) as bank:
        await bank.connect()
        face: NextGenBanks = bank.face
        face.sca, face.on_selected = Sca.CHOSEN_DECOUPLED, late.wait

        payment = (await pay(bank.kari, a_payment(await first_account(bank.kari))))["payment"]
        late.set()
        await face.approve("obp-000001")
        await bank.pass_time(seconds=4)

        assert face.selected == 1
        assert (payment["status"], payment["authorisation"]["challenge"]) == ("AUTHORISATION_REQUIRED", "4711")
        assert (await payment_of(bank.kari, payment["id"]))["status"] in ("PROCESSING", "SETTLED")


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["SMS_OTP", "PUSH_OTP"], "PUSH_OTP"),
        (["CHIP_OTP", "PUSH_OTP", "REDIRECT"], "REDIRECT"),
        (["PHOTO_OTP", "SMTP_OTP"], None),
    ],
)
async def test_of_several_methods_one_is_chosen_that_drop_can_carry(
    bank: OddBank, offered: list[str], chosen: str | None
) -> None:
    face: NextGenBanks = bank.face
    face.sca = Sca.CHOSEN_DECOUPLED
    face.methods = [{"authenticationType": kind, "authenticationMethodId": kind, "name": kind} for kind in offered]

    payment = (await pay(bank.kari, a_payment(await first_account(bank.kari))))["payment"]

    assert face.chosen == ([chosen] if chosen else [])
    ended = ("AUTHORISATION_REQUIRED", None) if chosen else ("FAILED", {"code": "AUTHORISATION_NOT_SUPPORTED"})
    assert (payment["status"], payment["failure"]) == ended
