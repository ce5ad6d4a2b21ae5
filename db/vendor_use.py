"""How much each vendor still holds that has not ended, over all users: for operators who migrate between vendors."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from db.tables.bank import ConsentRow
from db.tables.card import CardRow
from db.tables.kyc import KycRow
from db.tables.payment import PaymentRow
from db.tables.plan import PlanSubscriptionRow
from db.tables.provider import ProviderPinRow
from domain.card import OVER
from domain.consent import ConsentStatus
from domain.payment import Rail, Status
from domain.plan import PlanStatus

_UNDER_WAY = tuple(status for status in Status if not status.is_final)


@dataclass(frozen=True, slots=True)
class VendorUse:
    """How many things of one kind a vendor holds. `what` is for people, such as "consents that live"."""

    port: str
    vendor: str
    what: str
    count: int


async def vendor_use(session: AsyncSession) -> Sequence[VendorUse]:
    """Every count, by port, vendor and kind."""
    found = []
    for port, what, query in _queries():
        rows = await session.exec(query)
        found += [VendorUse(port, vendor, what, count) for vendor, count in rows]
    return sorted(found, key=lambda use: (use.port, use.vendor, use.what))


def _queries() -> Sequence[tuple[str, str, Select[str, int]]]:
    consent, card, kyc, payment = (
        col(ConsentRow.vendor),
        col(CardRow.vendor),
        col(KycRow.vendor),
        col(PaymentRow.vendor),
    )
    pin, plan = col(ProviderPinRow.vendor), col(PlanSubscriptionRow.vendor)
    count = func.count()
    under_way = select(payment, count).where(col(PaymentRow.status).in_(_UNDER_WAY)).group_by(payment)
    return [
        ("kyc", "applicants", select(kyc, count).group_by(kyc)),
        (
            "open_banking",
            "consents that live",
            select(consent, count).where(ConsentRow.status == ConsentStatus.ACTIVE).group_by(consent),
        ),
        ("open_banking", "payments under way", under_way.where(PaymentRow.rail == Rail.BANK)),
        ("card_payments", "payments under way", under_way.where(PaymentRow.rail == Rail.CARD)),
        ("card_payments", "customers", select(pin, count).where(ProviderPinRow.port == "card_payments").group_by(pin)),
        (
            "card_payments",
            "plans that run",
            select(plan, count).where(PlanSubscriptionRow.status != PlanStatus.ENDED).group_by(plan),
        ),
        (
            "card_issuing",
            "cards that can be used",
            select(card, count).where(col(CardRow.status).not_in(OVER)).group_by(card),
        ),
    ]
