"""Whatever users, the card vendor, webhooks, clocks and crashes do to plans: nobody is billed twice or for nothing.

The judge is the ledger of the sandbox's card vendor, and what it goes on billing.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.api.test_plan import CANCEL, LAPSING, RESUME
from tests.builders.cards import CHALLENGED, DECLINED, VISA, charges, pay_plan, plan_of, subscribe
from tests.builders.crashing import HARMS, CrashingGateway, play_stories

# Eight stories of twenty-five steps each on either database; MACHINE_STORIES sets how many.
pytestmark = pytest.mark.timeout(600)
_EACH_TIME_CHALLENGED = "pm_card_authenticationRequired"
METHODS = (VISA, DECLINED, CHALLENGED, LAPSING, _EACH_TIME_CHALLENGED)
PLANS = ("plan_plus", "plan_premium")
_PAID = ("PAID", "REFUNDED")
_BILLED = ("active", "past_due")


class PlansAreBilledOnce(CrashingGateway):
    def __init__(self) -> None:
        super().__init__()
        self.tries: list[tuple[str, str, str]] = []

    def key(self) -> str:
        return f"machine-key-{next(self.numbers)}"

    @rule(method=st.sampled_from(METHODS), plan=st.sampled_from(PLANS), harm=st.sampled_from(HARMS))
    def she_subscribes(self, method: str, plan: str, harm: str) -> None:
        self.tries.append((method, plan, self.key()))
        self.harm(1, harm)
        self.run(self.subscribe(*self.tries[-1]))

    @precondition(lambda self: self.tries)
    @rule(data=st.data())
    def she_subscribes_again_with_the_same_key(self, data: st.DataObject) -> None:
        self.run(self.subscribe(*data.draw(st.sampled_from(self.tries))))

    @rule(method=st.sampled_from(METHODS), plan=st.sampled_from(PLANS))
    def she_subscribes_and_cancels_in_other_tabs(self, method: str, plan: str) -> None:
        async def all_at_once() -> None:
            self.line.mend()
            self.tries.append((method, plan, self.key()))
            await asyncio.gather(
                self.subscribe(*self.tries[-1]),
                self.subscribe(*self.tries[-1]),
                self.subscribe(method, plan, self.key()),
                self.kari.ask(CANCEL, now=False),
                self.kari.ask(CANCEL, now=True),
            )

        self.run(all_at_once())

    async def subscribe(self, method: str, plan: str, key: str) -> None:
        await subscribe(self.kari, method, plan, idempotencyKey=key)

    @rule(at_period_end=st.booleans(), harm=st.sampled_from(HARMS))
    def she_cancels(self, at_period_end: bool, harm: str) -> None:
        self.harm(1, harm)
        self.run(self.kari.ask(CANCEL, now=at_period_end))

    @rule(harm=st.sampled_from(HARMS))
    def she_goes_on(self, harm: str) -> None:
        self.harm(1, harm)
        self.run(self.kari.ask(RESUME))

    @rule(method=st.sampled_from(METHODS), harm=st.sampled_from(HARMS))
    def she_pays_with_another_card(self, method: str, harm: str) -> None:
        self.harm(1, harm)
        self.run(pay_plan(self.kari, method, idempotencyKey=self.key()))

    @rule(number=st.integers(1, 4), decision=st.sampled_from(["approve", "refuse"]))
    def a_challenge_is_answered(self, number: int, decision: str) -> None:
        self.run(self.post_and_return(f"/sandbox/cards/plan-challenge/sub_{number:06d}", {"decision": decision}))

    @rule(days=st.sampled_from([2, 10, 31]))
    def days_pass(self, days: int) -> None:
        self.run(self.play.advance(days=days))

    async def judge(self) -> None:
        bills = await self.rows("SELECT vendor_invoice_id, status FROM plan_invoice")
        charged = Counter(charge["invoice"] for charge in await charges(self.play))
        assert charged == Counter(invoice for invoice, status in bills if status in _PAID), (charged, bills)
        going_on = await self.going_on_at_the_vendor()
        plan = await plan_of(self.kari)
        ours = await self.rows("SELECT vendor_subscription_id FROM plan_subscription WHERE status <> 'ENDED'")
        assert len(ours) <= 1, ours
        assert going_on <= {row[0] for row in ours}, (going_on, ours)
        assert (plan is None) == (not ours), (plan, ours)

    async def going_on_at_the_vendor(self) -> set[str]:
        """The subscriptions that the vendor bills from now on."""
        found = set()
        for number in range(1, 4 * len(self.tries) + 1):
            answer: dict[str, Any] = (
                await self.play.gateway.sandbox.get(f"/cards/subscriptions/sub_{number:06d}")
            ).json()
            if answer.get("status") in _BILLED:
                found.add(answer["id"])
        return found


class PlansAreBilledOnceOnPostgresql(PlansAreBilledOnce):
    on = "postgresql"


@pytest.mark.parametrize("machine", [PlansAreBilledOnce, PlansAreBilledOnceOnPostgresql])
def test_no_story_breaks_it(machine: type[CrashingGateway]) -> None:
    play_stories(machine)
