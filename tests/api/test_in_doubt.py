"""Payments at a bank whose answer was lost, and which finds nothing by our reference: evidence ends the doubt.

A payment that the bank has accepted keeps the bank's id and has not failed, whatever goes wrong after that.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
from anyio import fail_after
from sqlalchemy import event, text
from sqlalchemy.exc import InterfaceError

from gateway.assembly.clocks import SystemClock
from sandbox.people import personas
from tests.builders.gateway import (
    BASE,
    CONNECT,
    OLA,
    Play,
    Player,
    a_payment,
    first_account,
    nodes,
    pay,
    payment_of,
    playing,
)
from tests.builders.line import Line
from tests.builders.port import started, stopped
from tests.builders.sandbox import Sandbox, sandbox_alone
from tests.builders.server import free_port
from tests.conftest import NOON
from tests.vendors import open_payments, open_payments_routes

DISCONNECT = "mutation($id: ID!) { disconnectBank(input: {bankLinkId: $id}) { userErrors { code } } }"
DOUBTS = "/api/operator/payments/doubts"


@dataclass
class AtBank:
    """Kari with an account at a bank behind Open Payments."""

    sandbox: Sandbox
    vendor: open_payments.OpenPayments
    play: Play
    kari: Player
    bank_link: str
    account: str

    async def pass_time(self, **by: float) -> None:
        await self.sandbox.advance(**by)
        await self.play.settle()

    async def lose_an_answer(self) -> dict[str, Any]:
        self.vendor.loses_answers = True
        payment = (await pay(self.kari, a_payment(self.account)))["payment"]
        self.vendor.loses_answers = False
        return dict(payment)

    async def approved_all_the_same(self) -> None:
        """At the bank's own page, whoever has shown it."""
        await self.sandbox.press("/sandbox/bank/payments/obp-000001", decision="approve")

    async def visit(self, url: str, **form: object) -> httpx.Response:
        """To the vendor, on to the bank's page, and back to the gateway with a code."""
        async with httpx.AsyncClient() as browser:
            page = (await browser.get(url)).headers["location"]
            back = await self.sandbox.press(page, decision="approve", **form)
            return await self.kari.http.get((await browser.get(back)).headers["location"])

    async def reference(self) -> str | None:
        """The bank's id of the only payment, as stored."""
        async with self.play.gateway.infrastructure.database.read_engine.connect() as connection:
            found: str | None = (await connection.execute(text("SELECT vendor_payment_id FROM payment"))).scalar_one()
            return found

    async def booked(self) -> list[str]:
        ledger = (await self.sandbox.http.get("/ledger")).json()["bookings"]
        return [one["endToEndId"] for one in ledger]


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[AtBank]:
    folder = tmp_path / "bank"
    folder.mkdir()
    async with sandbox_alone(folder, SystemClock().now()) as sandbox:
        await sandbox.sign_in("kari")
        url = f"http://127.0.0.1:{free_port()}"
        vendor = open_payments.OpenPayments(sandbox.inner, callback=f"{BASE}/api/openbanking/callback", host=url)
        server = await started(open_payments_routes.app(vendor), port=int(url.rpartition(":")[2]))
        settings: dict[str, Any] = {
            "open_banking_provider": "open_payments",
            "openpayments_api_url": url,
            "openpayments_auth_api_url": url,
            "openbanking_client_id": open_payments.CLIENT_ID,
            "openbanking_client_secret": open_payments.CLIENT_SECRET,
            "openbanking_webhook_secret": "relay",
        }
        clock = sandbox.clock
        async with playing(database_url, tmp_path, clock.at, base_clock=clock, **settings) as play:
            kari = await play.person()
            await kari.ask("mutation { startKyc { kyc { status } } }")
            await sandbox.advance(seconds=3)
            await play.settle()
            connecting = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
            accounts = [account.resource_id for account in personas()["kari"].at_bank("bank_dnb")]
            bank = AtBank(sandbox, vendor, play, kari, connecting["bankLink"]["id"], "")
            await bank.visit(connecting["authorisationUrl"], account=accounts)
            bank.account = await first_account(kari)
            yield bank
        await stopped(server)


async def test_that_no_line_is_there_proves_nothing(bank: AtBank) -> None:
    payment = await bank.lose_an_answer()
    assert (payment["status"], payment["inDoubt"]) == ("CREATED", True)
    again = await pay(bank.kari, a_payment(bank.account))
    await bank.pass_time(minutes=5)
    waiting = await payment_of(bank.kari, payment["id"])

    await bank.pass_time(hours=30)
    missing = await payment_of(bank.kari, payment["id"])

    assert [one["code"] for one in again["userErrors"]] == ["POSSIBLE_DUPLICATE"]
    assert (waiting["status"], waiting["inDoubt"]) == ("CREATED", True)
    assert (missing["status"], missing["inDoubt"]) == ("CREATED", True)


async def test_what_the_bank_has_booked_has_settled(bank: AtBank) -> None:
    payment = await bank.lose_an_answer()
    await bank.approved_all_the_same()
    await bank.pass_time(minutes=5)
    waiting = await payment_of(bank.kari, payment["id"])

    await bank.pass_time(hours=2)
    ended = await payment_of(bank.kari, payment["id"])

    assert waiting["inDoubt"] is True
    assert (ended["status"], ended["inDoubt"]) == ("SETTLED", False)
    assert nodes(ended["history"])[-1]["cause"] == "STATEMENT"
    assert await bank.booked() == [f"D-{payment['id'].removeprefix('pay_')}"]


@pytest.mark.parametrize("minor", [12_500, -12_499])
async def test_a_line_that_is_not_the_payments_debit_is_no_evidence(bank: AtBank, minor: int) -> None:
    payment = await bank.lose_an_answer()
    line = """INSERT INTO bank_transaction (id, account_id, vendor_transaction_id, status, amount_minor, currency,
    booking_date, end_to_end_id) VALUES ('trx_1', :account, 't-1', 'BOOKED', :minor, 'NOK', '2026-11-24', :id)"""
    own_id = f"D-{payment['id'].removeprefix('pay_')}"
    async with bank.play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text(line), {"account": bank.account, "minor": minor, "id": own_id})

    await bank.pass_time(minutes=5)

    assert (await payment_of(bank.kari, payment["id"]))["inDoubt"] is True


async def test_a_booking_that_the_user_has_read_ends_it_at_once(bank: AtBank) -> None:
    payment = await bank.lose_an_answer()
    await bank.approved_all_the_same()
    await bank.pass_time(seconds=10)
    refresh = "mutation($id: ID!) { refreshBalances(input: {bankLinkId: $id}) { userErrors { code } } }"
    await bank.kari.ask(refresh, id=bank.bank_link)

    await bank.pass_time(minutes=5)

    assert (await payment_of(bank.kari, payment["id"]))["status"] == "SETTLED"


async def test_without_a_consent_it_waits_for_an_operator_who_says_why(bank: AtBank) -> None:
    payment = await bank.lose_an_answer()
    await bank.kari.ask(DISCONNECT, id=bank.bank_link)
    await bank.pass_time(hours=12)
    operator = bank.play.browser().http
    path = f"/api/operator/payments/{payment['id']}/resolve"

    (doubted,) = (await operator.get(DOUBTS)).json()["payments"]
    refused = [
        (await operator.post(path, data=form)).json()["code"]
        for form in ({"outcome": "SETTLED"}, {"outcome": "PERHAPS", "reason": "r"})
    ]
    done = await operator.post(path, data={"outcome": "FAILED", "reason": "DNB, case 4711: never received"})
    late = await operator.post(path, data={"outcome": "SETTLED", "reason": "r"})
    unknown = await operator.post("/api/operator/payments/pay_x/resolve", data={"outcome": "FAILED", "reason": "r"})
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        query = text("SELECT detail FROM audit_event WHERE action = 'payment_resolved'")
        (detail,) = (await connection.execute(query)).scalars()

    assert (doubted["id"], doubted["vendor"], doubted["inDoubt"]) == (payment["id"], "open_payments", True)
    assert refused == ["REASON_REQUIRED", "INVALID_OUTCOME"]
    assert (done.json()["status"], done.json()["inDoubt"]) == ("FAILED", False)
    assert (late.status_code, unknown.status_code) == (409, 404)
    assert "case 4711" in str(detail)
    assert nodes((await payment_of(bank.kari, payment["id"]))["history"])[-1]["cause"] == "OPERATOR"
    assert (await operator.get(DOUBTS)).json() == {"payments": []}


async def test_a_payment_whose_approval_cannot_be_started_has_not_failed(bank: AtBank) -> None:
    bank.vendor.starts_approvals, bank.vendor.deletes_with = False, 405

    payment = (await pay(bank.kari, a_payment(bank.account)))["payment"]
    reference = await bank.reference()
    await bank.approved_all_the_same()
    await bank.pass_time(minutes=2)
    ended = await payment_of(bank.kari, payment["id"])

    assert (payment["status"], payment["inDoubt"]) == ("CREATED", True)
    assert reference is not None
    assert "obp-000001" in reference
    # Its status was read by the bank's id, and not found in the account's transactions.
    assert (ended["status"], nodes(ended["history"])[-1]["cause"]) == ("SETTLED", "VENDOR_READ")


async def test_a_payment_without_a_page_has_not_failed_and_can_be_cancelled(bank: AtBank) -> None:
    bank.vendor.offers_page, bank.vendor.deletes_with = False, 405
    payment = (await pay(bank.kari, a_payment(bank.account)))["payment"]
    await bank.pass_time(minutes=2)

    read = await payment_of(bank.kari, payment["id"])
    again = await pay(bank.kari, a_payment(bank.account))
    bank.vendor.deletes_with = None
    cancel = "mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { status } userErrors { code } } }"
    cancelled = (await bank.kari.ask(cancel, id=payment["id"]))["cancelPayment"]

    assert (payment["status"], payment["inDoubt"]) == ("CREATED", True)
    assert (read["status"], read["inDoubt"]) == ("CREATED", True)
    assert [error["code"] for error in again["userErrors"]] == ["POSSIBLE_DUPLICATE"]
    assert cancelled == {"payment": {"status": "CANCELLED"}, "userErrors": []}


async def test_the_banks_id_is_stored_though_the_database_fails_at_first(bank: AtBank) -> None:
    failures = 2

    def fail(_bank_link: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal failures
        if statement.startswith("UPDATE payment SET vendor_payment_id") and failures:
            failures -= 1
            raise InterfaceError(statement, None, Exception("the connection is lost"))

    event.listen(bank.play.gateway.infrastructure.database.write_engine.sync_engine, "before_cursor_execute", fail)
    with stamina.set_testing(True, attempts=6, cap=True):
        payment = (await pay(bank.kari, a_payment(bank.account)))["payment"]

    assert failures == 0
    assert payment["status"] == "AUTHORISATION_REQUIRED"
    assert "obp-000001" in str(await bank.reference())


async def test_a_client_that_leaves_while_the_bank_answers_loses_nothing(bank: AtBank) -> None:
    is_accepted, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        is_accepted.set()
        await go_on.wait()

    bank.vendor.on_accepted = hold
    paying = asyncio.create_task(pay(bank.kari, a_payment(bank.account)))
    with fail_after(10):
        await is_accepted.wait()

    paying.cancel()
    with suppress(asyncio.CancelledError):
        await paying
    go_on.set()
    with fail_after(10):
        await bank.play.gateway.services.shield.finish()

    assert "obp-000001" in str(await bank.reference())


async def test_the_way_back_stays_while_the_bank_has_not_answered_a_cancellation(bank: AtBank) -> None:
    payment = (await pay(bank.kari, a_payment(bank.account)))["payment"]
    bank.vendor.deletes_with = 503
    cancel = "mutation($id: ID!) { cancelPayment(input: {id: $id}) { userErrors { code } } }"

    with stamina.set_testing(True, attempts=2, cap=True):
        refused = (await bank.kari.ask(cancel, id=payment["id"]))["cancelPayment"]["userErrors"]
    back = await bank.visit(payment["authorisationUrl"])

    assert [error["code"] for error in refused] == ["PROVIDER_UNAVAILABLE"]
    assert back.headers["location"].endswith("outcome=approved")


async def test_a_code_that_was_not_exchanged_is_kept_and_tried_again(bank: AtBank) -> None:
    payment = (await pay(bank.kari, a_payment(bank.account)))["payment"]
    bank.vendor.exchanges_codes = False
    back = await bank.visit(payment["authorisationUrl"])
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        query = text("SELECT payload FROM job WHERE kind = 'finish_bank_return'")
        kept = str((await connection.execute(query)).scalar_one())
    waiting = bank.vendor.is_approved("obp-000001")

    bank.vendor.exchanges_codes = True
    await bank.pass_time(seconds=5)
    ended = await payment_of(bank.kari, payment["id"])

    assert back.headers["location"].endswith("outcome=unknown")
    assert not any(code in kept for code in bank.vendor.codes)
    assert (waiting, bank.vendor.is_approved("obp-000001")) == (False, True)
    assert ended["status"] in ("PROCESSING", "SETTLED")


async def test_a_consents_code_is_kept_and_tried_again(bank: AtBank) -> None:
    renew = """mutation($id: ID!) { renewConsent(input: {bankLinkId: $id, returnTo: "/api/health/live"}) {
      authorisationUrl userErrors { code } } }"""
    page = (await bank.kari.ask(renew, id=bank.bank_link))["renewConsent"]["authorisationUrl"]
    accounts = [account.resource_id for account in personas()["kari"].at_bank("bank_dnb")]
    bank.vendor.exchanges_codes = False
    await bank.visit(page, account=accounts)
    bank.vendor.exchanges_codes = True

    await bank.pass_time(seconds=5)

    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        statuses = (await connection.execute(text("SELECT status FROM consent ORDER BY id"))).scalars().all()
    assert list(statuses) == ["REPLACED", "ACTIVE"]


async def test_a_payment_that_is_on_its_way_to_the_bank_is_not_called_unheard_of(
    database_url: str, tmp_path: Path
) -> None:
    """Whoever asks before its answer can have come: here its recovery job, brought forward."""
    async with playing(database_url, tmp_path, NOON) as play:
        kari, account = await play.banked()
        line = Line(play.gateway.sandbox)
        line.delays(OLA.encode())

        with fail_after(30):
            paying = asyncio.create_task(pay(kari, a_payment(account)))
            await line.is_delaying.wait()
            async with play.gateway.infrastructure.database.write_engine.begin() as connection:
                await connection.execute(text("UPDATE job SET due_at = created_at WHERE kind = 'ask_bank'"))
            await play.settle()
            line.let_go()
            payment = (await paying)["payment"]

    assert (payment["status"], payment["inDoubt"]) == ("AUTHORISATION_REQUIRED", False)
