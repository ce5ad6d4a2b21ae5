"""Whatever users, banks, webhooks, clocks and crashes do, in any order: no state breaks, no money moves twice.

The judge is the ledger of the sandbox's banks, not our tables.
"""

import asyncio
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.payment import Status
from tests.builders.crashing import HARMS, CrashingGateway, check_history, play_stories
from tests.builders.gateway import a_payment, as_json, connect, first_account, pay

# Eight stories of twenty-five steps each on either database; MACHINE_STORIES sets how many.
pytestmark = pytest.mark.timeout(600)
CANCEL = "mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { id } userErrors { code } } }"
# Approved on a page, not covered, in an app, not at all, and forgotten unless approved.
AMOUNTS = (100, 1_000_000, 4_000_000, 100_04, 100_05, 100_06)
# `initiatePayment` refreshes the balance first.
_INITIATION = 2


class MoneyMovesOnce(CrashingGateway):
    def __init__(self) -> None:
        super().__init__()
        self.account = ""
        self.orders: list[dict[str, Any]] = []

    async def come_in(self) -> None:
        await super().come_in()
        await connect(self.kari)

    async def prepare(self) -> None:
        self.account = await first_account(self.kari)

    @rule(amount=st.sampled_from(AMOUNTS), later=st.booleans(), harm=st.sampled_from(HARMS), approves=st.booleans())
    def she_pays(self, amount: int, later: bool, harm: str, approves: bool) -> None:
        day = (self.play.gateway.clock.now() + timedelta(days=2)).date().isoformat() if later else None
        self.she_pays_for(amount, day, harm)
        if approves:
            self.every_page_is_approved()

    def she_pays_for(self, amount: int, day: str | None, harm: str) -> None:
        key = f"machine-key-{next(self.numbers)}"
        order = a_payment(self.account, amount, executionDate=day, idempotencyKey=key)
        self.orders.append(order)
        self.harm(_INITIATION, harm)
        self.run(pay(self.kari, order))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def she_pays_again_with_the_same_key(self, data: st.DataObject) -> None:
        self.run(pay(self.kari, data.draw(st.sampled_from(self.orders))))

    @rule(data=st.data())
    def she_pays_and_cancels_in_several_tabs(self, data: st.DataObject) -> None:
        async def all_at_once() -> None:
            self.line.mend()
            payments = await self.payments()
            order = a_payment(self.account, 100, idempotencyKey=f"machine-key-{next(self.numbers)}")
            self.orders.append(order)
            works = [pay(self.kari, order), pay(self.kari, order)]
            if payments:
                chosen = data.draw(st.sampled_from(payments))
                works += [self.kari.ask(CANCEL, id=chosen["id"]) for _ in range(2)]
            await asyncio.gather(*works)

        self.run(all_at_once())

    @rule(number=st.integers(1, 5), decision=st.sampled_from(["approve", "refuse"]), fails=st.booleans())
    def the_bank_page_is_used(self, number: int, decision: str, fails: bool) -> None:
        form = {"decision": decision, "execution": "fails" if fails else ""}
        self.run(self.post_and_return(f"/sandbox/bank/payments/obp-{number:06d}", form))

    @rule(hours=st.sampled_from([1, 30]), harm=st.sampled_from(HARMS))
    def the_bank_forgets_what_nobody_approves(self, hours: int, harm: str) -> None:
        self.she_pays_for(100_06, None, harm)
        self.run(self.play.advance(hours=hours))

    @rule(number=st.integers(1, 5), decision=st.sampled_from(["approve", "refuse"]))
    def the_cancellation_page_is_used(self, number: int, decision: str) -> None:
        page = f"/sandbox/bank/payments/obp-{number:06d}/cancellation"
        self.run(self.post_and_return(page, {"decision": decision}))

    @rule(data=st.data())
    def she_cancels(self, data: st.DataObject) -> None:
        async def cancel() -> None:
            payments = await self.payments()
            if payments:
                chosen = data.draw(st.sampled_from(payments))
                await self.kari.ask(CANCEL, id=chosen["id"])

        self.run(cancel())

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

    async def judge(self) -> None:
        payments = await self.payments()
        bookings = await self.play.ledger()
        paid = [booking["endToEndId"].removeprefix("D-") for booking in bookings]
        settled = [payment["id"].removeprefix("pay_") for payment in payments if payment["status"] == "SETTLED"]
        assert sorted(paid) == sorted(settled), (paid, settled)
        assert len(payments) <= len(self.orders)
        for payment in payments:
            assert Status(payment["status"]).is_final, payment
            check_history(payment)


class MoneyMovesOnceOnPostgresql(MoneyMovesOnce):
    on = "postgresql"


@pytest.mark.parametrize("machine", [MoneyMovesOnce, MoneyMovesOnceOnPostgresql])
def test_no_story_breaks_it(machine: type[CrashingGateway]) -> None:
    play_stories(machine)
