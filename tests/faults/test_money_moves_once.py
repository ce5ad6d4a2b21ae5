"""Whatever users, banks, webhooks, clocks and crashes do, in any order: no state breaks, no money moves twice.

The judge is the ledger of the sandbox's banks, not our tables.
"""

import asyncio
import hashlib
import hmac
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import httpx
import stamina
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from db.engine import open_database
from db.migrate import migrate
from domain.payment import _NEXT, Status
from tests.builders.gateway import Play, Player, a_payment, as_json, connect, first_account, pay, playing
from tests.builders.line import Line

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CANCEL = "mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { id } userErrors { code } } }"
PAYMENTS = """{ viewer { payments(first: 100) { edges { node {
  id status inDoubt version history { status version cause } } } } } }"""
AMOUNTS = (100, 1_000_000, 4_000_000)
HARMS = ("none", "the answer is lost", "nobody listens", "dies before", "dies after")
# `initiatePayment` refreshes the balance first.
_INITIATION = 2
_EMPTY: list[Path] = []


class Crash(BaseException):
    """The process dies here."""


class MachineClock:
    """The machine's time as the test moves it: leases run out when it says so."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


async def empty_database() -> Path:
    if not _EMPTY:
        path = Path(tempfile.mkdtemp()) / "empty.sqlite3"
        database = open_database(f"sqlite:///{path}")
        await migrate(database)
        await database.close()
        _EMPTY.append(path)
    return _EMPTY[0]


class MoneyMovesOnce(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.machine_clock = MachineClock()
        self.line: Line
        self.stack = AsyncExitStack()
        self.play: Play
        self.kari: Player
        self.account = ""
        self.cookies: dict[str, str] = {}
        self.orders: list[dict[str, Any]] = []
        self.numbers = count(1)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do it; a crash on the way is followed by a start on what is left on disk."""
        try:
            return self.runner.run(work)
        except Crash:
            self.runner.run(self.restart())
            return None

    async def start(self) -> None:
        self.stack = AsyncExitStack()
        # Retries as many as ever, without their pauses.
        self.stack.enter_context(stamina.set_testing(True, attempts=4, cap=True))
        database = f"sqlite:///{self.folder}/drop.sqlite3"
        playing_now = playing(database, self.folder, NOON, machine_clock=self.machine_clock)
        self.play = await self.stack.enter_async_context(playing_now)
        self.line = Line(self.play.gateway.sandbox)
        self.kari = self.play.browser()
        self.kari.http.cookies.update(self.cookies)

    async def restart(self) -> None:
        self.line.mend()
        await self.stack.aclose()
        # Longer than a lease: the jobs of the dead are free.
        self.machine_clock.at += timedelta(minutes=2)
        await self.start()

    @initialize()
    def kari_has_a_bank(self) -> None:
        async def begin() -> None:
            shutil.copy(await empty_database(), self.folder / "drop.sqlite3")
            await self.start()
            await self.kari.sign_in()
            await self.kari.ask("mutation { startKyc { kyc { status } } }")
            await self.play.advance(seconds=3)
            await connect(self.kari)
            self.account = await first_account(self.kari)
            self.cookies = dict(self.kari.http.cookies)

        self.run(begin())

    @rule(amount=st.sampled_from(AMOUNTS), later=st.booleans(), harm=st.sampled_from(HARMS), approves=st.booleans())
    def she_pays(self, amount: int, later: bool, harm: str, approves: bool) -> None:
        day = (self.play.gateway.clock.now() + timedelta(days=2)).date().isoformat() if later else None
        key = f"machine-key-{next(self.numbers)}"
        order = a_payment(self.account, amount, executionDate=day, idempotencyKey=key)
        self.orders.append(order)
        self.harm(_INITIATION, harm)
        self.run(pay(self.kari, order))
        if approves:
            self.every_page_is_approved()

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def she_pays_again_with_the_same_key(self, data: st.DataObject) -> None:
        self.run(pay(self.kari, data.draw(st.sampled_from(self.orders))))

    @rule(number=st.integers(1, 5), decision=st.sampled_from(["approve", "refuse"]), fails=st.booleans())
    def the_bank_page_is_used(self, number: int, decision: str, fails: bool) -> None:
        form = {"decision": decision, "execution": "fails" if fails else ""}
        self.run(self.post_and_return(f"/sandbox/bank/payments/obp-{number:06d}", form))

    @rule(number=st.integers(1, 5), decision=st.sampled_from(["approve", "refuse"]))
    def the_cancellation_page_is_used(self, number: int, decision: str) -> None:
        page = f"/sandbox/bank/payments/obp-{number:06d}/cancellation"
        self.run(self.post_and_return(page, {"decision": decision}))

    async def post_and_return(self, page: str, form: dict[str, str]) -> None:
        response = await self.kari.http.post(page, data=form)
        assert response.status_code < 500
        if response.status_code == 303:
            assert (await self.kari.http.get(response.headers["location"])).status_code < 500

    @rule(data=st.data())
    def she_cancels(self, data: st.DataObject) -> None:
        async def cancel() -> None:
            payments = await self.payments()
            if payments:
                chosen = data.draw(st.sampled_from(payments))
                await self.kari.ask(CANCEL, id=chosen["id"])

        self.run(cancel())

    @rule(seconds=st.sampled_from([1, 20, 70, 1_000, 100_000]))
    def time_passes(self, seconds: int) -> None:
        self.run(self.play.advance(seconds=seconds))

    @rule(number=st.integers(1, 30))
    def a_webhook_comes_again(self, number: int) -> None:
        async def send() -> None:
            response = await self.kari.http.post(f"/sandbox/webhooks/{number}")
            assert response.status_code in (303, 404)

        self.run(send())

    @rule(number=st.integers(1, 5), status=st.sampled_from(["ACSC", "RJCT", "CANC", "ACSP", "XXXX"]))
    def a_webhook_tells_a_tale(self, number: int, status: str) -> None:
        async def send() -> None:
            now = self.play.gateway.clock.now()
            raw = as_json(
                {
                    "eventId": f"tale-{next(self.numbers)}",
                    "type": "payment.status",
                    "occurredAt": now.isoformat(),
                    "paymentId": f"obp-{number:06d}",
                    "transactionStatus": status,
                }
            )
            at = int(now.timestamp())
            digest = hmac.new(b"mock-mode-only", f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
            headers = {"x-ob-signature": f"t={at},v1={digest}"}
            response = await self.kari.http.post("/api/webhooks/openbanking", content=raw, headers=headers)
            assert response.status_code == 202

        self.run(send())

    def every_page_is_approved(self) -> None:
        for number in range(1, 2 * len(self.orders) + 1):
            form = {"decision": "approve", "execution": ""}
            self.run(self.post_and_return(f"/sandbox/bank/payments/obp-{number:06d}", form))

    @rule(at=st.integers(1, 4), harm=st.sampled_from(HARMS))
    def a_call_will_go_wrong(self, at: int, harm: str) -> None:
        self.harm(at, harm)

    def harm(self, at: int, harm: str) -> None:
        match harm:
            case "the answer is lost":
                self.line.harm(at=at, after=httpx.ReadTimeout("the answer was lost"))
            case "nobody listens":
                self.line.harm(at=at, before=httpx.ConnectError("nobody listens"))
            case "dies before":
                self.line.harm(at=at, before=Crash())
            case "dies after":
                self.line.harm(at=at, after=Crash())

    @rule()
    def the_gateway_is_restarted(self) -> None:
        self.runner.run(self.restart())

    async def payments(self) -> list[dict[str, Any]]:
        edges = (await self.kari.ask(PAYMENTS))["viewer"]["payments"]["edges"]
        return [edge["node"] for edge in edges]

    def teardown(self) -> None:
        try:
            if self.account:
                self.runner.run(self.judge())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)

    async def judge(self) -> None:
        await self.restart()
        await self.play.advance(days=4)
        payments = await self.payments()
        bookings = await self.play.ledger()
        paid = [booking["endToEndId"].removeprefix("D-") for booking in bookings]
        settled = [payment["id"].removeprefix("pay_") for payment in payments if payment["status"] == "SETTLED"]
        assert sorted(paid) == sorted(settled), (paid, settled)
        assert len(payments) <= len(self.orders)
        for payment in payments:
            assert Status(payment["status"]).is_final, payment
            assert not payment["inDoubt"]
            assert [event["version"] for event in payment["history"]] == list(range(1, payment["version"] + 1))
            for before, after in pairwise(payment["history"]):
                stays = before["status"] == after["status"]
                assert stays or Status(after["status"]) in _NEXT[Status(before["status"])], payment


TestMoneyMovesOnce = MoneyMovesOnce.TestCase
TestMoneyMovesOnce.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
