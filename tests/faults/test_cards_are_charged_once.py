"""Whatever users, the card vendor, webhooks, clocks and crashes do: a card is charged once, and refunds add up.

The judge is the ledger of the sandbox's card vendor, not our tables.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.payment import _NEXT, _NEXT_BY_CARD
from tests.builders.cards import CHALLENGED, DECLINED, VISA, charges
from tests.builders.cards import confirm as confirm_payment
from tests.builders.cards import create as create_payment
from tests.builders.cards import refund as refund_payment
from tests.builders.crashing import HARMS, CrashingGateway, check_history, play_stories
from tests.builders.gateway import nodes

# Eight stories of twenty-five steps each on either database; MACHINE_STORIES sets how many.
pytestmark = pytest.mark.timeout(600)
CANCEL = "mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { id } userErrors { code } } }"
# They end days after they were confirmed.
DEBITS = ("pm_sandbox_debit", "pm_sandbox_debitFails")
METHODS = (VISA, DECLINED, CHALLENGED, "pm_card_pendingRefund", "pm_card_refundFail", *DEBITS)
TYPED = ("4242424242424242", "4000000000000002", "4000000000003220")


class CardsAreChargedOnce(CrashingGateway):
    def __init__(self) -> None:
        super().__init__()
        self.created: list[tuple[int, str]] = []
        self.tries: list[tuple[str, str, str]] = []
        self.refunds: list[tuple[str, int | None, str]] = []

    def key(self) -> str:
        return f"machine-key-{next(self.numbers)}"

    @rule(amount=st.sampled_from([300, 12_500, 4_000_000]), harm=st.sampled_from(HARMS))
    def she_begins_a_payment(self, amount: int, harm: str) -> None:
        self.created.append((amount, self.key()))
        self.harm(1, harm)
        self.begin(*self.created[-1])

    @precondition(lambda self: self.created)
    @rule(data=st.data())
    def she_begins_it_again_with_the_same_key(self, data: st.DataObject) -> None:
        self.begin(*data.draw(st.sampled_from(self.created)))

    def begin(self, amount: int, key: str) -> None:
        self.run(create_payment(self.kari, amount, idempotencyKey=key))

    @rule(data=st.data(), method=st.sampled_from(METHODS), harm=st.sampled_from(HARMS))
    def she_pays(self, data: st.DataObject, method: str, harm: str) -> None:
        payment = self.some_payment(data)
        if payment is not None:
            self.tries.append((payment["id"], method, self.key()))
            self.harm(1, harm)
            self.pay(*self.tries[-1])

    @precondition(lambda self: self.tries)
    @rule(data=st.data())
    def she_pays_again_with_the_same_key(self, data: st.DataObject) -> None:
        self.pay(*data.draw(st.sampled_from(self.tries)))

    def pay(self, payment: str, method: str, key: str) -> None:
        self.run(confirm_payment(self.kari, payment, method, idempotencyKey=key))

    @rule(number=st.integers(1, 5), card=st.sampled_from(TYPED))
    def a_card_is_typed_on_the_vendors_page(self, number: int, card: str) -> None:
        self.run(self.post_and_return(f"/sandbox/cards/pay/pi_{number:06d}", {"number": card}))

    @rule(number=st.integers(1, 5), decision=st.sampled_from(["approve", "refuse"]))
    def a_challenge_is_answered(self, number: int, decision: str) -> None:
        self.run(self.post_and_return(f"/sandbox/cards/challenge/pi_{number:06d}", {"decision": decision}))

    @rule(number=st.integers(1, 5), decision=st.sampled_from(["open", "won", "lost"]))
    def a_payment_is_disputed(self, number: int, decision: str) -> None:
        self.run(self.post_and_return(f"/sandbox/cards/disputes/pi_{number:06d}", {"decision": decision}))

    @rule(data=st.data())
    def she_cancels(self, data: st.DataObject) -> None:
        payment = self.some_payment(data)
        if payment is not None:
            self.run(self.kari.ask(CANCEL, id=payment["id"]))

    @rule(data=st.data(), amount=st.sampled_from([None, 100, 10_000]), harm=st.sampled_from(HARMS))
    def she_is_refunded(self, data: st.DataObject, amount: int | None, harm: str) -> None:
        payment = self.some_payment(data)
        if payment is not None:
            self.refunds.append((payment["id"], amount, self.key()))
            self.harm(1, harm)
            self.refund(*self.refunds[-1])

    @rule(data=st.data(), method=st.sampled_from(METHODS))
    def she_pays_cancels_and_is_refunded_in_several_tabs(self, data: st.DataObject, method: str) -> None:
        payment = self.some_payment(data)
        if payment is not None:
            self.run(self.all_at_once(payment["id"], method))

    async def all_at_once(self, payment: str, method: str) -> None:
        self.line.mend()
        again, refunds = self.key(), [(payment, amount, self.key()) for amount in (100, 100, None)]
        self.refunds += refunds
        await asyncio.gather(
            confirm_payment(self.kari, payment, method, idempotencyKey=again),
            confirm_payment(self.kari, payment, method, idempotencyKey=again),
            confirm_payment(self.kari, payment, VISA, idempotencyKey=self.key()),
            self.kari.ask(CANCEL, id=payment),
            *(refund_payment(self.kari, one, amount, idempotencyKey=key) for one, amount, key in refunds),
        )

    @precondition(lambda self: self.refunds)
    @rule(data=st.data())
    def she_is_refunded_again_with_the_same_key(self, data: st.DataObject) -> None:
        self.refund(*data.draw(st.sampled_from(self.refunds)))

    def refund(self, payment: str, amount: int | None, key: str) -> None:
        self.run(refund_payment(self.kari, payment, amount, idempotencyKey=key))

    def some_payment(self, data: st.DataObject) -> dict[str, Any] | None:
        payments = self.run(self.payments())
        return data.draw(st.sampled_from(payments)) if payments else None

    async def judge(self) -> None:
        payments = await self.payments()
        charged = Counter(charge["orderId"] for charge in await charges(self.play))
        settled = {payment["id"] for payment in payments if payment["status"] == "SETTLED"}
        assert charged == Counter(settled), (charged, settled)
        assert len(payments) <= len(self.created)
        for payment in payments:
            check_history(payment, {**_NEXT, **_NEXT_BY_CARD})
            await self.judge_refunds(payment)

    async def judge_refunds(self, payment: dict[str, Any]) -> None:
        """Each refund and dispute is at the vendor as the product says, and they give back no more than was paid."""
        ours = {
            one["id"]: (one["status"], int(one["amount"]["amountMinor"]))
            for one in nodes(payment["refunds"])
            if one["status"] != "FAILED"
        }
        theirs: dict[str, tuple[str, int]] = {}
        disputes: list[tuple[str, int]] = []
        for number in range(1, 2 * len(self.created) + 1):
            intent = (await self.play.gateway.sandbox.get(f"/cards/payment_intents/pi_{number:06d}")).json()
            if intent.get("metadata", {}).get("orderId") != payment["id"] or not intent["latest_charge"]:
                continue
            for one in intent["latest_charge"]["refunds"]["data"]:
                assert one["metadata"]["refundId"] not in theirs
                if one["status"] != "failed":
                    theirs[one["metadata"]["refundId"]] = (one["status"].upper(), one["amount"])
            disputes += [(one["status"], one["amount"]) for one in intent["latest_charge"]["disputes"]["data"]]
            given_back = sum(amount for _, amount in theirs.values()) + lost(disputes)
            assert given_back <= intent["amount"]
            assert int(payment["refundedAmount"]["amountMinor"]) == given_back, payment
        assert ours == theirs, payment
        assert len(payment["disputes"]) == len(disputes), payment
        known = [(one["status"].lower(), int(one["amount"]["amountMinor"])) for one in payment["disputes"]]
        assert lost(known) == lost(disputes), payment


def lost(disputes: list[tuple[str, int]]) -> int:
    """What lost disputes have taken back."""
    return sum(amount for status, amount in disputes if status == "lost")


class CardsAreChargedOnceOnPostgresql(CardsAreChargedOnce):
    on = "postgresql"


@pytest.mark.parametrize("machine", [CardsAreChargedOnce, CardsAreChargedOnceOnPostgresql])
def test_no_story_breaks_it(machine: type[CrashingGateway]) -> None:
    play_stories(machine)
