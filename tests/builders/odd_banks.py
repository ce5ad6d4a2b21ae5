"""A gateway at each kind of bank, whose answers about accounts a test writes itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import stamina
from sqlalchemy import text

from gateway.assembly.clocks import SystemClock
from sandbox.people import personas
from tests.builders.gateway import BASE, CONNECT, Play, Player, a_payment, nodes, pay, playing
from tests.builders.port import started, stopped
from tests.builders.ready import keep, put_back
from tests.builders.sandbox import Sandbox, sandbox_alone
from tests.builders.server import free_port
from tests.builders.tls import certificates_of_all
from tests.vendors import (
    enable_banking,
    enable_banking_routes,
    nextgenpsd2,
    nextgenpsd2_routes,
    open_payments,
    open_payments_routes,
)
from tests.vendors.face import Oddities, OddPayments

CALLBACK = f"{BASE}/api/openbanking/callback"
KINDS = ("open_payments", "direct", "enable_banking")
_TUESDAY = 1
LINKS = """{ viewer { bankLinks(first: 1) { edges { node { id status unreadableAccounts accounts {
  id bban currency available unreadableItems wholeStatement
  balances { type amount { amountMinor currency } } } } } } } }"""
LINES = """query($id: ID!, $after: String) { viewer { bankAccount(id: $id) { transactions(first: 100, after: $after) {
  pageInfo { hasNextPage endCursor } edges { node { id status bookingDate amount { amountMinor currency }
  counterpartyName message kid } } } } } }"""
REFRESH = """mutation($id: ID!) { refreshBalances(input: {bankLinkId: $id}) { accounts { id } userErrors { code } } }"""
RENEW = """mutation($id: ID!) { renewConsent(input: {bankLinkId: $id}) { authorisationUrl userErrors { code } } }"""


@dataclass
class OddBank:
    """A person at their bank, through one vendor: Kari at DNB, where a test names no others.

    `odd` is what the bank says of their accounts, `face` the vendor itself.

    `settings` are those of its gateway.
    """

    kind: str
    sandbox: Sandbox
    play: Play
    odd: Oddities
    odd_payments: OddPayments
    kari: Player
    face: Any
    settings: dict[str, Any]
    persona: str = "kari"
    bank_id: str = "bank_dnb"

    async def connect(self) -> None:
        payload = (await self.kari.ask(CONNECT, bank=self.bank_id))["connectBank"]
        assert payload["userErrors"] == []
        await self.visit(payload["authorisationUrl"])

    async def renew(self) -> None:
        link = await self.link()
        await self.visit((await self.kari.ask(RENEW, id=link["id"]))["renewConsent"]["authorisationUrl"])

    async def visit(self, url: str, decision: str = "approve", **form: str) -> str:
        """From the app to the vendor, on to the bank's page, and back to the gateway. Gives where that leads."""
        back = await self.kari.http.get(await self.back_from(url, decision, **form))
        assert back.status_code == 303
        return back.headers["location"]

    async def back_from(self, url: str, decision: str = "approve", **form: str) -> str:
        """Decide on the bank's page. Gives the way back to the gateway."""
        accounts = [account.resource_id for account in personas()[self.persona].at_bank(self.bank_id)]
        async with httpx.AsyncClient() as browser:
            where = (await browser.get(url)).headers["location"]
            where = await self.sandbox.press(where, decision=decision, account=accounts, **form)
            while not where.startswith(CALLBACK):
                where = (await browser.get(where)).headers["location"]
        return where

    async def pay(self, amount_minor: int = 12_500, **changes: Any) -> dict[str, Any]:
        """A payment from the first account, as the mutation gives it."""
        payload = await pay(self.kari, a_payment((await self.account())["id"], amount_minor, **changes))
        assert payload["userErrors"] == []
        payment: dict[str, Any] = payload["payment"]
        return payment

    async def lose_kyc(self) -> None:
        """The KYC vendor takes Kari's approval back."""
        applicants = (await self.kari.browse("/sandbox/")).text
        applicant = applicants.split("/sandbox/applicants/")[1].split('"')[0]
        await self.kari.http.post(f"/sandbox/applicants/{applicant}", data={"verdict": "rejected"})
        await self.play.settle()

    async def decide(self, number: int = 1, decision: str = "approve") -> None:
        """Kari decides on the bank's own page about the payment of this number."""
        await self.sandbox.press(f"/sandbox/bank/payments/obp-{number:06d}", decision=decision)

    async def pass_time(self, **by: float) -> None:
        await self.sandbox.advance(**by)
        await self.play.settle()

    async def jobs(self, kind: str) -> int:
        """How many jobs of a kind are to be done."""
        query = text("SELECT count(*) FROM job WHERE kind = :kind")
        async with self.play.gateway.infrastructure.database.read_engine.connect() as connection:
            return int((await connection.execute(query, {"kind": kind})).scalar_one())

    async def unattended_reads(self) -> int:
        """How often a bank link was read without the user."""
        query = text("SELECT count(*) FROM account_read WHERE is_attended = :attended")
        async with self.play.gateway.infrastructure.database.read_engine.connect() as connection:
            return int((await connection.execute(query, {"attended": False})).scalar_one())

    async def booked(self) -> int:
        """How many payments the bank has carried out."""
        return len((await self.sandbox.http.get("/ledger")).json()["bookings"])

    async def resource(self) -> str:
        """The bank's id of the first account."""
        bban = (await self.account())["bban"]
        (found,) = [one.resource_id for one in personas()["kari"].at_bank("bank_dnb") if one.bban == bban]
        return found

    async def end_consent(self) -> None:
        """Kari ends the consent at the bank itself."""
        response = await self.sandbox.inner.delete(f"/bank/consents/{self.odd.consents[-1]}")
        assert response.is_success

    async def refresh(self) -> list[str]:
        """Read everything anew; gives the codes of the errors."""
        refreshed = (await self.kari.ask(REFRESH, id=(await self.link())["id"]))["refreshBalances"]
        return [error["code"] for error in refreshed["userErrors"]]

    async def link(self) -> dict[str, Any]:
        found: dict[str, Any] = nodes((await self.kari.ask(LINKS))["viewer"]["bankLinks"])[0]
        return found

    async def account(self) -> dict[str, Any]:
        """The first account."""
        found: dict[str, Any] = (await self.link())["accounts"][0]
        return found

    async def lines(self) -> list[dict[str, Any]]:
        """The first account's statement, newest first."""
        account, after, found = (await self.account())["id"], None, list[dict[str, Any]]()
        while True:
            page = (await self.kari.ask(LINES, id=account, after=after))["viewer"]["bankAccount"]["transactions"]
            found += nodes(page)
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    def line(self, **changes: Any) -> Any:
        """A line in the vendor's shape, from what NextGenPSD2 calls its parts; `item` replaces it whole."""
        if "item" in changes:
            return changes["item"]
        parts = {"transactionAmount": {"currency": "NOK", "amount": "-100.00"}, "bookingDate": self.day(), **changes}
        if "amount" in parts:
            parts["transactionAmount"] = {"currency": "NOK", "amount": parts.pop("amount")}
        return _in_enable_banking(parts) if self.kind == "enable_banking" else parts

    def day(self, back: int = 3) -> str:
        return (self.sandbox.clock.at.date() - timedelta(days=back)).isoformat()

    def says(self, *pages: Sequence[Any]) -> None:
        """What the statement of each account is from now on."""
        self.odd.pages = [list(page) for page in pages]


def _in_enable_banking(parts: dict[str, Any]) -> dict[str, Any]:
    amount = parts["transactionAmount"]
    decimal = amount.get("amount") if isinstance(amount, dict) else None
    is_debit = isinstance(decimal, str) and decimal.startswith("-")
    other = "creditor" if is_debit else "debtor"
    names = {
        "transactionId": "transaction_id",
        "entryReference": "entry_reference",
        "bookingDate": "booking_date",
        "valueDate": "value_date",
        "endToEndId": "reference_number",
    }
    found = {names[name]: value for name, value in parts.items() if name in names}
    text = parts.get("remittanceInformationUnstructured")
    return {
        **found,
        "transaction_amount": amount,
        "credit_debit_indicator": "DBIT" if is_debit else "CRDT",
        "status": "PDNG" if parts.get("status") == "pending" else "BOOK",
        other: {"name": parts.get("creditorName") or parts.get("debtorName")},
        "remittance_information": [text] if text is not None else None,
    }


@cache
def _beginning() -> datetime:
    """The moment at which all of a process begin, so that people who are put back have their times.

    The last Tuesday in the morning: what waits for banking days waits as long whenever it is played.
    """
    now = SystemClock().now()
    day = now - timedelta(days=(now.weekday() - _TUESDAY) % 7)
    return day.replace(hour=9, minute=0, second=0, microsecond=0)


@asynccontextmanager
async def asked_again_at_once() -> AsyncIterator[None]:
    """A call that failed is tried as often as ever, without the pauses between."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@asynccontextmanager
async def odd_bank(
    kind: str, database_url: str, folder: Path, *, persona: str = "kari", bank_id: str = "bank_dnb"
) -> AsyncIterator[OddBank]:
    """A person who is signed in and has passed KYC, before they connect their bank through a vendor of this kind."""
    banks = folder / "banks"
    banks.mkdir()
    async with sandbox_alone(banks, _beginning()) as sandbox:
        await sandbox.sign_in(persona)
        host = f"http://127.0.0.1:{free_port()}"
        face: Any
        if kind == "open_payments":
            face = open_payments.OpenPayments(sandbox.inner, callback=CALLBACK, host=host)
            app = open_payments_routes.app(face)
        elif kind == "direct":
            face = nextgenpsd2.NextGenBanks(sandbox.inner, host=host, pages_at=sandbox.pages)
            app = nextgenpsd2_routes.app(face)
        else:
            face = enable_banking.EnableBanking(sandbox.inner, sandbox.clock, callback=CALLBACK, host=host)
            face.person = personas()[persona].identity_number
            app = enable_banking_routes.app(face)
        server = await started(app, port=int(host.rpartition(":")[2]))
        settings: dict[str, Any] = {
            "open_banking_provider": kind,
            "openpayments_api_url": host,
            "openpayments_auth_api_url": host,
            "openbanking_client_id": open_payments.CLIENT_ID,
            "openbanking_client_secret": open_payments.CLIENT_SECRET,
            "openbanking_webhook_secret": "relay",
            "openbanking_banks": {"bank_dnb": f"{host}/bank_dnb"},
            "openbanking_client_cert": certificates_of_all().client,
        }
        if kind == "enable_banking":
            settings |= {
                "enablebanking_api_url": host,
                "enablebanking_app_id": enable_banking.APP_ID,
                "enablebanking_private_key": enable_banking.OUR_KEY.as_pem(private=True).decode(),
            }
        try:
            async with (
                asked_again_at_once(),
                playing(database_url, folder, sandbox.clock.at, base_clock=sandbox.clock, **settings) as play,
            ):
                kari, key = play.browser(), ("before their bank", kind, persona)
                known = await put_back(play.gateway, kari.http, key)
                if not known:
                    await kari.sign_in(persona)
                    await kari.ask("mutation { startKyc { kyc { status } } }")
                await sandbox.advance(seconds=3)
                await play.settle()
                if not known:
                    await keep(play.gateway, kari.http, key)
                yield OddBank(kind, sandbox, play, face.odd, face.odd_payments, kari, face, settings, persona, bank_id)
        finally:
            await stopped(server)
