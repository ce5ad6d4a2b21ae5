"""What the vendors do by themselves, in the order in which it falls due."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final

from sandbox import bank_consents, bank_payments, cards, kyc, plans, refunds, webhooks
from sandbox.store import Document
from sandbox.world import World

_WHAT: Final[Mapping[str, Callable[[World, Document], Awaitable[None]]]] = {
    kyc.VERDICT: kyc.fall_due,
    bank_consents.CONSENT_PAGE_ENDS: bank_consents.end_consent_page,
    bank_payments.PAYMENT_PAGE_ENDS: bank_payments.end_payment_page,
    bank_payments.EXECUTE: bank_payments.execute,
    cards.SETTLE_DEBIT: cards.settle_debit,
    refunds.SETTLE_REFUND: refunds.settle_refund,
    plans.RENEW: plans.renew,
    plans.FIRST_PAYMENT_ENDS: plans.end_first_payment,
    webhooks.DELIVER: webhooks.deliver,
}


async def tell(world: World, now: datetime, generation: int) -> int:
    """Take the time of a clock that was reset so often, and do what is due by then, in order. Gives how many things."""
    done = 0
    world.tell(now, generation)
    async with world.turn:
        while (due := await world.store.next_due()) is not None and due.at <= world.now:
            await _WHAT[due.what](world, due.body)
            # Removed last: after a crash the work is done again, and all due work is safe to repeat.
            async with world.store.transaction():
                await world.store.done(due)
            done += 1
    return done


async def next_due(world: World) -> datetime | None:
    due = await world.store.next_due()
    return due.at if due else None
