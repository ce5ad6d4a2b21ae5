"""Payments at banks that ask for no page: approved in the bank's own app, or not at all; the bank's ledger judges."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after
from sqlalchemy import text

from gateway.assembly.clocks import SystemClock
from sandbox.people import personas
from tests.builders.gateway import CONNECT, Play, Player, a_payment, first_account, pay, payment_of, playing
from tests.builders.odd_banks import asked_again_at_once
from tests.builders.port import started, stopped
from tests.builders.sandbox import Sandbox, sandbox_alone
from tests.builders.server import free_port
from tests.builders.sockets import opened, socket_of
from tests.builders.tls import certificates
from tests.vendors.nextgenpsd2 import NextGenBanks, Sca
from tests.vendors.nextgenpsd2_routes import app

FOLLOW = """subscription($id: ID!) { paymentUpdated(id: $id) { payment { version authorisation { challenge } } } }"""
CANCEL = """mutation($id: ID!) { cancelPayment(input: {id: $id}) {
  payment { status cancellation { status } } userErrors { code } } }"""


@dataclass
class AtBank:
    """Kari with an account at a bank that speaks NextGenPSD2 itself."""

    sandbox: Sandbox
    vendor: NextGenBanks
    play: Play
    kari: Player
    account: str

    async def pass_time(self, **by: float) -> None:
        await self.sandbox.advance(**by)
        await self.play.settle()

    async def pay(self, amount_minor: int = 12_500) -> dict[str, Any]:
        payment: dict[str, Any] = (await pay(self.kari, a_payment(self.account, amount_minor)))["payment"]
        return payment

    async def booked(self) -> list[str]:
        ledger = (await self.sandbox.http.get("/ledger")).json()["bookings"]
        return [one["endToEndId"] for one in ledger]

    async def stored(self, column: str) -> Any:
        """A column of the payment of the largest amount, as it is stored."""
        async with self.play.gateway.infrastructure.database.read_engine.connect() as connection:
            return (
                (await connection.execute(text(f"SELECT {column} FROM payment ORDER BY created_at, id")))
                .scalars()
                .all()[-1]
            )


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[AtBank]:
    folder = tmp_path / "bank"
    folder.mkdir()
    async with sandbox_alone(folder, SystemClock().now()) as sandbox:
        await sandbox.sign_in("kari")
        url = f"http://127.0.0.1:{free_port()}"
        vendor = NextGenBanks(sandbox.inner, host=url, pages_at=sandbox.pages)
        server = await started(app(vendor), port=int(url.rpartition(":")[2]))
        files = certificates(tmp_path)
        settings: dict[str, Any] = {
            "open_banking_provider": "direct",
            "openbanking_banks": {"bank_dnb": f"{url}/bank_dnb"},
            "openbanking_client_cert": files.client,
            "openbanking_ca": files.authority,
            "openbanking_webhook_secret": "relay",
        }
        clock = sandbox.clock
        async with (
            asked_again_at_once(),
            playing(database_url, tmp_path, clock.at, base_clock=clock, **settings) as play,
        ):
            kari = await play.person()
            await kari.ask("mutation { startKyc { kyc { status } } }")
            await sandbox.advance(seconds=3)
            await play.settle()
            connecting = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
            accounts = [account.resource_id for account in personas()["kari"].at_bank("bank_dnb")]
            page = vendor.pages[connecting["authorisationUrl"].rpartition("/")[2]]
            await kari.http.get(await sandbox.press(page, decision="approve", account=accounts))
            yield AtBank(sandbox, vendor, play, kari, await first_account(kari))
        await stopped(server)


@pytest.mark.parametrize("sca", [Sca.DECOUPLED, Sca.CHOSEN_DECOUPLED])
async def test_the_user_approves_in_the_banks_app_and_sees_it_within_seconds(bank: AtBank, sca: Sca) -> None:
    bank.vendor.sca = sca

    payment = await bank.pay()
    kept = await bank.stored("authorisation_encrypted")
    bank.vendor.code = "0815"
    await bank.pass_time(seconds=2)
    changed = await payment_of(bank.kari, payment["id"])
    await bank.vendor.approve("obp-000001")
    await bank.pass_time(seconds=2)
    approved = await payment_of(bank.kari, payment["id"])

    assert (payment["status"], payment["authorisationUrl"]) == ("AUTHORISATION_REQUIRED", None)
    shown = {"kind": "DECOUPLED", "url": None, "message": "Open your BankID app.", "challenge": "4711"}
    assert payment["authorisation"] == {**shown, "expiresAt": None}
    assert b"4711" not in kept
    assert (changed["authorisation"]["challenge"], changed["version"]) == ("0815", payment["version"])
    assert approved["status"] in ("PROCESSING", "SETTLED")
    assert await bank.stored("authorisation_encrypted") is None
    await bank.pass_time(minutes=5)
    assert (await payment_of(bank.kari, payment["id"]))["status"] == "SETTLED"
    assert len(await bank.booked()) == 1


async def test_a_new_challenge_is_pushed_to_who_follows_the_payment(bank: AtBank) -> None:
    bank.vendor.sca = Sca.DECOUPLED
    payment = await bank.pay()
    async with socket_of(bank.play, bank.kari) as socket:
        await opened(socket)
        await socket.subscribe(FOLLOW, id=payment["id"])
        seen = [(await socket.item())["payment"]]
        for code in ("0815", "2342"):
            bank.vendor.code = code
            await bank.pass_time(seconds=2)
            seen.append((await socket.item())["payment"])
        await bank.vendor.approve("obp-000001")
        await bank.pass_time(seconds=2)
        seen.append((await socket.item())["payment"])

    assert [one["authorisation"] and one["authorisation"]["challenge"] for one in seen] == [
        "4711",
        "0815",
        "2342",
        None,
    ]
    assert [one["version"] - payment["version"] for one in seen] == [0, 0, 0, 1]


async def test_a_decoupled_approval_is_refused_or_cancelled(bank: AtBank) -> None:
    bank.vendor.sca = Sca.DECOUPLED
    first, second = await bank.pay(), await bank.pay(amount_minor=9_900)

    await bank.vendor.approve("obp-000001", "refuse")
    await bank.pass_time(seconds=2)
    cancelled = (await bank.kari.ask(CANCEL, id=second["id"]))["cancelPayment"]

    refused = await payment_of(bank.kari, first["id"])
    assert (refused["status"], refused["failure"]["code"]) == ("REJECTED", "AUTHORISATION_REFUSED")
    assert cancelled == {"payment": {"status": "CANCELLED", "cancellation": None}, "userErrors": []}
    assert await bank.booked() == []


@pytest.mark.parametrize("sca", [Sca.EXEMPTED, Sca.EXEMPTED_AT_ONCE])
async def test_a_payment_that_needs_no_approval_is_carried_out(bank: AtBank, sca: Sca) -> None:
    bank.vendor.sca = sca

    payment = await bank.pay()
    await bank.pass_time(minutes=5)
    ended = await payment_of(bank.kari, payment["id"])

    assert (payment["status"], payment["authorisation"], payment["inDoubt"]) == ("PROCESSING", None, False)
    assert ended["status"] == "SETTLED"
    assert len(await bank.booked()) == 1


@pytest.mark.parametrize(
    ("sca", "code"),
    [
        (Sca.TYPED_CODE, "AUTHORISATION_NOT_SUPPORTED"),
        (Sca.NO_PAGE, "AUTHORISATION_NOT_SUPPORTED"),
        (Sca.ERROR, "PROVIDER_UNAVAILABLE"),
    ],
)
@pytest.mark.parametrize("deleted", [None, 202, 405, 500])
async def test_what_cannot_be_approved_has_failed_only_once_the_bank_has_cancelled_it(
    bank: AtBank, sca: Sca, code: str, deleted: int | None
) -> None:
    bank.vendor.sca, bank.vendor.deletes_with = sca, deleted

    payment = await bank.pay()
    await bank.vendor.approve("obp-000001")
    await bank.pass_time(minutes=5)
    ended = await payment_of(bank.kari, payment["id"])

    assert "obp-000001" in await bank.stored("vendor_payment_id")
    if deleted is None:
        assert (payment["status"], payment["failure"]["code"]) == ("FAILED", code)
        assert (ended["status"], await bank.booked()) == ("FAILED", [])
    else:
        assert (payment["status"], payment["inDoubt"]) == ("CREATED", True)
        assert (ended["status"], len(await bank.booked())) == ("SETTLED", 1)


async def test_a_method_is_chosen_once_though_its_answer_is_lost(bank: AtBank) -> None:
    bank.vendor.sca, bank.vendor.loses_selections = Sca.CHOSEN_DECOUPLED, True

    payment = await bank.pay()

    assert bank.vendor.selected == 1
    assert (payment["status"], payment["authorisation"]["challenge"]) == ("AUTHORISATION_REQUIRED", "4711")


async def test_a_client_may_leave_at_any_moment_after_the_banks_answer(bank: AtBank) -> None:
    """Cut at every turn of the loop between the bank's 201 and the commit, until the answer is there before the cut.

    Over a network the commit takes more turns than are tried.
    """
    bank.vendor.sca = Sca.DECOUPLED
    for turns in range(200):
        is_accepted = asyncio.Event()
        bank.vendor.on_accepted = _setter(is_accepted)
        paying = asyncio.create_task(bank.pay(amount_minor=1_000 + turns))
        with fail_after(10):
            await is_accepted.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        is_done = paying.done()
        paying.cancel()
        with suppress(asyncio.CancelledError):
            await paying
        with fail_after(10):
            await bank.play.gateway.services.shield.finish()

        assert f"obp-{turns + 1:06d}" in await bank.stored("vendor_payment_id")
        assert await bank.stored("status") == "AUTHORISATION_REQUIRED"
        if is_done:
            return


def _setter(event: asyncio.Event) -> Any:
    async def accepted() -> None:
        event.set()

    return accepted
