"""Where a bank's behaviour is played: Kari, signed in, with DNB connected through one kind of vendor."""

import html
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import stamina
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.builders.breaker_time import BreakerTime
from tests.builders.gateway import a_payment, payment_of
from tests.builders.odd_banks import KINDS, OddBank, odd_bank

PAYEE: Final = "Ola Hansen"
PAY: Final = """mutation($input: InitiatePaymentInput!) { initiatePayment(input: $input) {
  payment { id authorisationUrl authorisation { message } } warnings { message } userErrors { message } } }"""
CHOOSE: Final = """mutation($id: ID!, $method: ID!) {
  choosePaymentApprovalMethod(input: {paymentId: $id, methodId: $method}) {
  payment { authorisation { kind message } } userErrors { message } } }"""
CANCEL: Final = """mutation($id: ID!) { cancelPayment(input: {id: $id}) {
  payment { cancellation { authorisationUrl } } userErrors { message } } }"""
ENGLISH: Final = 'mutation { updateProfile(input: {locale: "en-GB"}) { userErrors { code } } }'
# Whoever has to submit their document twice.
INGRID: Final = "ingrid"
AGAIN: Final = "mutation { retryKyc { kyc { status } } }"
# The first messages are about who Kari is.
_GREETINGS: Final = ("Welcome", "Velkommen", "Your identity", "Identiteten", "Vi trenger et nytt bilde")
_STEPS_S: Final = (2, 60, 300, 3_600)
REFRESH: Final = "mutation($id: ID!) { refreshBalances(input: {bankLinkId: $id}) { userErrors { message } } }"


@dataclass(frozen=True)
class Outcome:
    """What became of it: the product's status, the bank's ledger, the account's lines, and what the user reads."""

    status: str
    ledger: str
    lines: str
    reads: str


@dataclass
class Stage:
    """One play. `read` collects what the user reads, in order."""

    bank: OddBank
    payment_id: str | None = None
    page: str | None = None
    is_connected: bool = False
    read: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.bank.kind

    async def connect(self) -> None:
        if not self.is_connected:
            await self.bank.connect()
            self.is_connected = True

    async def pay(self, **changes: object) -> None:
        """Kari connects her bank if she has not, and pays Ola from her first account."""
        await self.connect()
        account = (await self.bank.account())["id"]
        given = a_payment(account, **{"returnTo": "/api/health/live", **changes})  # type: ignore[arg-type]
        payload = (await self.bank.kari.ask(PAY, input=given))["initiatePayment"]
        self.read += [one["message"] for one in (*payload["warnings"], *payload["userErrors"])]
        payment = payload["payment"]
        if payment is not None:
            self.payment_id, self.page = payment["id"], payment["authorisationUrl"]
            shown = (payment["authorisation"] or {}).get("message")
            self.read += [shown] if shown else []

    async def decide(self, decision: str = "approve", **form: str) -> None:
        """Kari goes to the bank's page, decides there, and comes back."""
        assert self.page is not None
        await self.bank.visit(self.page, decision, **form)

    async def decide_elsewhere(self, decision: str = "approve") -> None:
        """Kari decides in the bank's app, or at a page that Drop never showed her."""
        await self.bank.sandbox.press("/sandbox/bank/payments/obp-000001", decision=decision)

    async def choose(self, method: str) -> None:
        """Kari chooses one of the bank's methods."""
        chosen = (await self.bank.kari.ask(CHOOSE, id=self.payment_id, method=method))["choosePaymentApprovalMethod"]
        self.read += [one["message"] for one in chosen["userErrors"]]
        self.read += [chosen["payment"]["authorisation"]["message"]] if chosen["payment"] else []

    async def cancel(self) -> None:
        """Kari cancels, and approves that at the bank where it wants so."""
        payload = (await self.bank.kari.ask(CANCEL, id=self.payment_id))["cancelPayment"]
        self.read += [one["message"] for one in payload["userErrors"]]
        cancellation = payload["payment"] and payload["payment"]["cancellation"]
        if cancellation and cancellation["authorisationUrl"]:
            await self.bank.visit(cancellation["authorisationUrl"])

    async def pass_time(self, **by: float) -> None:
        await self.bank.pass_time(**by)

    async def pass_days(self, days: int) -> None:
        """Time goes by, first in seconds and minutes, then in days."""
        for seconds in _STEPS_S:
            await self.pass_time(seconds=seconds)
        for _ in range(days):
            await self.pass_time(days=1)

    async def refresh(self) -> None:
        """Kari reads her accounts anew."""
        refreshed = (await self.bank.kari.ask(REFRESH, id=(await self.bank.link())["id"]))["refreshBalances"]
        self.read += [error["message"] for error in refreshed["userErrors"]]

    async def payment_outcome(self) -> Outcome:
        """What became of the payment, once Kari has read her accounts once more."""
        assert self.payment_id is not None
        await self.refresh()
        await self.pass_time(seconds=2)
        payment = await payment_of(self.bank.kari, self.payment_id)
        if payment["failure"] is not None:
            self.read.append(payment["failure"]["message"])
        ledger = (await self.bank.sandbox.http.get("/ledger")).json()["bookings"]
        lines = [line for line in await self.bank.lines() if line["counterpartyName"] == PAYEE]
        status = payment["status"] + (", in doubt" if payment["inDoubt"] else "")
        return Outcome(status, _counted(len(ledger), "booked"), _statuses(lines), await self._texts())

    async def account_outcome(self) -> Outcome:
        """How the accounts are shown. The ledger is what the bank's own statement has."""
        link, account = await self.bank.link(), await self.bank.account()
        if account["unreadableItems"]:
            self.read.append(f"{account['unreadableItems']} of its items cannot be shown.")
        if not account["wholeStatement"]:
            self.read.append("The statement is not whole.")
        if link["unreadableAccounts"]:
            self.read.append(f"{link['unreadableAccounts']} accounts cannot be shown.")
        said = [item for page in self.bank.odd.pages or () for item in page]
        lines = _statuses(await self.bank.lines())
        return Outcome(link["status"], _counted(len(said), "in its statement"), lines, await self._texts())

    async def _texts(self) -> str:
        page = html.unescape((await self.bank.play.browser().http.get("/sandbox/outbox")).text)
        mails = [one for one in re.findall(r"<h3>(.*?)</h3>", page) if not one.startswith(_GREETINGS)]
        said = [*self.read, *(f"Mail: {subject}" for subject in reversed(mails))]
        return " ".join(re.sub(r"\s+", " ", one) for one in dict.fromkeys(said)) or "nothing"


@dataclass(frozen=True)
class Behaviour:
    """One row of the table: how a bank behaves, and at which kinds of bank it may. `play` ends with the outcome.

    `persona` is who plays it, with their bank.
    """

    name: str
    play: Callable[[Stage], Awaitable[Outcome]]
    at: tuple[str, ...] = KINDS
    persona: str = "kari"
    bank_id: str = "bank_dnb"


def refusal(kind: str, status: int, code: str, own: str) -> Callable[[Request], Response]:
    """The vendor's no: `code` is NextGenPSD2's, `own` Enable Banking's."""
    if kind == "enable_banking":
        return lambda request: JSONResponse({"message": "No.", "code": 422, "error": own}, 422)
    body = {"tppMessages": [{"category": "ERROR", "code": code, "text": "No."}]}
    return lambda request: JSONResponse(body, status)


@asynccontextmanager
async def stage(behaviour: Behaviour, kind: str, database_url: str, folder: Path) -> AsyncIterator[Stage]:
    """The person before they have connected their bank. Retries are as many as ever, without their pauses."""
    breakers = BreakerTime()
    with stamina.set_testing(True, attempts=4, cap=True), breakers.kept():
        async with odd_bank(kind, database_url, folder, persona=behaviour.persona, bank_id=behaviour.bank_id) as bank:
            breakers.follow(bank.sandbox.clock)
            if behaviour.persona == INGRID:
                await bank.kari.ask(AGAIN)
                await bank.pass_time(seconds=3)
            bank.kari.http.headers["accept-language"] = "en-GB"
            await bank.kari.ask(ENGLISH)
            yield Stage(bank)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number else "nothing"


def _statuses(lines: Sequence[Mapping[str, Any]]) -> str:
    found = Counter(str(line["status"]) for line in lines)
    return ", ".join(f"{number} {status}" for status, number in sorted(found.items())) or "none"
