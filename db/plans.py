from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.locks import locked
from db.paging import page_of_each
from db.shapes import Shape, each, made, optional
from db.tables.plan import PlanInvoiceRow, PlanSubscriptionRow
from db.updates import save_over
from domain.ids import PlanInvoiceId, PlanSubscriptionId, UserId
from domain.money import Money
from domain.page import Keyset
from domain.payment import stored_failure
from domain.plan import InvoiceStatus, PlanEnd, PlanInvoice, PlanPayment, PlanStatus, PlanSubscription

SUBSCRIPTION: Final = Shape(
    PlanSubscription,
    PlanSubscriptionRow,
    {
        **each("id", "user_id", "plan_id", "vendor", "created_at", "vendor_subscription_id", "period_end"),
        **each("cancel_at_period_end", "authorisation_url", "watched_until", "version"),
        "status": made(PlanStatus, "status"),
        "ended_because": optional(PlanEnd, "ended_because"),
        "failure": made(stored_failure, "failure_code", "failure_detail"),
    },
)
INVOICE: Final = Shape(
    PlanInvoice,
    PlanInvoiceRow,
    {
        **each("id", "subscription_id", "vendor_invoice_id", "number", "period_start", "period_end", "created_at"),
        "amount": made(Money, "amount_minor", "currency"),
        "status": made(InvoiceStatus, "status"),
    },
)


class PlanQueries:
    """Subscriptions to plans, and their invoices. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open_of_users(self, user_ids: Sequence[UserId]) -> list[PlanSubscription]:
        """The open subscription of each user who has one; a partial unique index keeps users from a second."""
        query = select(PlanSubscriptionRow).where(
            col(PlanSubscriptionRow.user_id).in_(user_ids), PlanSubscriptionRow.status != PlanStatus.ENDED
        )
        return [SUBSCRIPTION.of(row) for row in await self._session.exec(query)]

    async def by_ids(self, user_id: UserId, wanted: Sequence[PlanSubscriptionId]) -> list[PlanSubscription]:
        query = select(PlanSubscriptionRow).where(
            PlanSubscriptionRow.user_id == user_id, col(PlanSubscriptionRow.id).in_(wanted)
        )
        return [SUBSCRIPTION.of(row) for row in await self._session.exec(query)]

    async def get(self, user_id: UserId, subscription_id: PlanSubscriptionId) -> PlanSubscription | None:
        query = select(PlanSubscriptionRow).where(
            PlanSubscriptionRow.user_id == user_id, PlanSubscriptionRow.id == subscription_id
        )
        row = (await self._session.exec(locked(self._session, query))).first()
        return SUBSCRIPTION.of(row) if row else None

    async def payment(self, subscription_id: PlanSubscriptionId) -> PlanPayment:
        """What the vendor is called with, for a subscription of any user. Raises NoResultFound for an unknown one."""
        row = await self._session.get_one(PlanSubscriptionRow, subscription_id)
        return PlanPayment(row.payment_method, row.return_url, row.state_hash)

    async def by_state(self, state_hash: str) -> tuple[PlanSubscription, str] | None:
        """The subscription whose 3-D Secure page was given this state, of any user, and where its user goes next."""
        query = select(PlanSubscriptionRow).where(PlanSubscriptionRow.state_hash == state_hash)
        row = (await self._session.exec(query)).first()
        return (SUBSCRIPTION.of(row), row.return_to) if row else None

    async def by_vendor_reference(
        self, vendor: str, our_id: str | None, vendor_id: str | None
    ) -> PlanSubscription | None:
        """By our id first, by the vendor's second; of any user, for webhooks alone."""
        known = ((PlanSubscriptionRow.id, our_id), (PlanSubscriptionRow.vendor_subscription_id, vendor_id))
        for column, value in known:
            if value is None:  # a subscription that the vendor has not answered for has no id, either
                continue
            query = select(PlanSubscriptionRow).where(PlanSubscriptionRow.vendor == vendor, col(column) == value)
            row = (await self._session.exec(query)).first()
            if row is not None:
                return SUBSCRIPTION.of(row)
        return None

    async def by_vendor_invoice(self, vendor: str, vendor_invoice_id: str) -> PlanSubscription | None:
        """The subscription whose invoice the vendor knows by this id; of any user, for webhooks alone."""
        query = (
            select(PlanSubscriptionRow)
            .join(PlanInvoiceRow, col(PlanInvoiceRow.subscription_id) == PlanSubscriptionRow.id)
            .where(PlanSubscriptionRow.vendor == vendor, PlanInvoiceRow.vendor_invoice_id == vendor_invoice_id)
        )
        row = (await self._session.exec(query)).first()
        return SUBSCRIPTION.of(row) if row else None

    async def set_payment(self, subscription_id: PlanSubscriptionId, payment: PlanPayment, *, return_to: str) -> None:
        """Replace what the subscription is paid with; a 3-D Secure page of before no longer leads back."""
        await self._session.exec(
            update(PlanSubscriptionRow)
            .where(col(PlanSubscriptionRow.id) == subscription_id)
            .values(**asdict(payment), return_to=return_to)
        )

    async def add(self, subscription: PlanSubscription, first: PlanPayment, *, return_to: str) -> None:
        """Add a subscription, whose user goes to `return_to` after the 3-D Secure page.

        Raises IntegrityError where the user has an open subscription.
        """
        row = PlanSubscriptionRow(
            id=subscription.id,
            user_id=subscription.user_id,
            plan_id=subscription.plan_id,
            vendor=subscription.vendor,
            **asdict(first),
            return_to=return_to,
            status=subscription.status,
            created_at=subscription.created_at,
        )
        self._session.add(row)
        await self._session.flush()

    async def save(self, before: PlanSubscription, after: PlanSubscription) -> None:
        """Write the new state over the version that was read. Raises StaleVersion."""
        await save_over(
            self._session,
            PlanSubscriptionRow,
            before,
            after,
            status=after.status,
            vendor_subscription_id=after.vendor_subscription_id,
            period_end=after.period_end,
            cancel_at_period_end=after.cancel_at_period_end,
            ended_because=after.ended_because,
            failure_code=after.failure.code if after.failure else None,
            failure_detail=after.failure.detail if after.failure else None,
            authorisation_url=after.authorisation_url,
            watched_until=after.watched_until,
        )

    async def invoices(
        self, subscriptions: Sequence[PlanSubscriptionId], keyset: Keyset
    ) -> dict[PlanSubscriptionId, list[PlanInvoice]]:
        """The page of each subscription's invoices, newest first."""
        identifier, parent = col(PlanInvoiceRow.id), col(PlanInvoiceRow.subscription_id)
        query = select(PlanInvoiceRow)
        query = page_of_each(query, identifier, parent, subscriptions, [identifier], keyset, newest_first=True)
        found: dict[PlanSubscriptionId, list[PlanInvoice]] = {}
        for row in await self._session.exec(query):
            found.setdefault(PlanSubscriptionId(row.subscription_id), []).append(INVOICE.of(row))
        return found

    async def invoices_by_references(
        self, subscription_id: PlanSubscriptionId, references: Sequence[str]
    ) -> dict[str, PlanInvoice]:
        """Those of the subscription's invoices that the vendor knows by these references, by reference."""
        query = select(PlanInvoiceRow).where(
            PlanInvoiceRow.subscription_id == subscription_id, col(PlanInvoiceRow.vendor_invoice_id).in_(references)
        )
        return {row.vendor_invoice_id: INVOICE.of(row) for row in await self._session.exec(query)}

    async def invoices_by_ids(self, user_id: UserId, wanted: Sequence[PlanInvoiceId]) -> list[PlanInvoice]:
        """The invoices among these that are of the user's subscriptions."""
        query = (
            select(PlanInvoiceRow)
            .join(PlanSubscriptionRow, col(PlanSubscriptionRow.id) == PlanInvoiceRow.subscription_id)
            .where(PlanSubscriptionRow.user_id == user_id, col(PlanInvoiceRow.id).in_(wanted))
        )
        return [INVOICE.of(row) for row in await self._session.exec(query)]

    async def put_invoice(self, invoice: PlanInvoice) -> None:
        """Add the invoice or replace it."""
        row = PlanInvoiceRow(
            id=invoice.id,
            subscription_id=invoice.subscription_id,
            vendor_invoice_id=invoice.vendor_invoice_id,
            number=invoice.number,
            amount_minor=invoice.amount.amount_minor,
            currency=invoice.amount.currency,
            status=invoice.status,
            period_start=invoice.period_start,
            period_end=invoice.period_end,
            created_at=invoice.created_at,
        )
        await self._session.merge(row)
