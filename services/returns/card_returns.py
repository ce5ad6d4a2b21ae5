"""Who comes back from the page of a card's bank: the user who went there, somebody else, or nobody who is signed in."""

from typing import Final

from prometheus_client import Counter

from db.unit_of_work import Read, Work
from domain.bank_return import CardReturnOfAnotherUser
from domain.clock import Clock
from domain.errors import NotFound
from domain.ids import PaymentId, PlanSubscriptionId, UserId
from domain.payment import Payment, Rail
from domain.plan import PlanSubscription
from domain.redirect import with_query
from domain.user import SignIn
from domain.way_back import WayBack
from services.payments.card_payments import CardPayments
from services.plans.plans import Plans
from services.tokens import hash_of

REFUSED: Final = Counter("drop_card_returns_refused_total", "Returns from the pages of cards' banks with another user.")


class CardReturns:
    """Reads at the card vendor what became of a payment or plan, for the user alone who began it.

    A return brings nothing that must be kept: the vendor knows the answer, and tells it by webhook, too.
    """

    def __init__(self, work: Work, read: Read, payments: CardPayments, plans: Plans, clock: Clock) -> None:
        self._work = work
        self._read = read
        self._payments = payments
        self._plans = plans
        self._clock = clock

    async def arrived(self, state: str, sign_in: SignIn | None) -> str:
        """Take a browser that the card's bank has sent back. Gives its next address.

        Where nobody is signed in, as in the browser that an app has opened, nothing is asked, and `outcome` is
        `unknown`: the client reads the object as its user. Raises NotFound for an unknown state,
        CardReturnOfAnotherUser.
        """
        found, return_to = await self._found(state)
        if sign_in is not None and sign_in.user_id != found.user_id:
            await self._refuse(found.user_id, found.id, sign_in.user_id)
            raise CardReturnOfAnotherUser
        name, outcome = ("payment" if isinstance(found, Payment) else "plan"), WayBack.UNKNOWN
        if sign_in is not None:
            outcome = await self._finished(found)
        return with_query(return_to, **{name: found.id, "outcome": outcome})

    async def _found(self, state: str) -> tuple[Payment | PlanSubscription, str]:
        state_hash = hash_of(state)
        async with self._read() as read:
            payment = await read.payments.by_state(state_hash)
            if payment is not None and payment[0].rail is Rail.CARD:
                return payment
            plan = await read.plans.by_state(state_hash)
        if plan is None:
            raise NotFound("This way back from the card's page is unknown. Start again in the app.", field=("state",))
        return plan

    async def _finished(self, found: Payment | PlanSubscription) -> WayBack:
        if isinstance(found, Payment):
            return await self._payments.finish(found)
        return await self._plans.finish(found)

    async def _refuse(self, user_id: UserId, object_id: PaymentId | PlanSubscriptionId, by: UserId) -> None:
        REFUSED.inc()
        async with self._work() as work:
            at = self._clock.now()
            await work.audit.record_once(
                "card_return_refused", at, user_id=user_id, object_id=object_id, detail={"came": by}
            )
            await work.commit()
