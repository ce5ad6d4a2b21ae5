"""Messages to users: one place decides the template, the channel and whether the user wants the message."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from db.ids import new_id
from db.unit_of_work import UnitOfWork
from domain import ids
from domain.clock import Clock, oslo_date
from domain.ids import NotificationId, UserId
from domain.job import Job
from domain.kyc import Kyc, KycStatus
from domain.locale import formatted_day
from domain.money import Money
from domain.notification import Channel, Notification, Template, category_of, channel_of
from domain.payment import Payment, Rail, Status
from domain.plan import PLANS, InvoiceStatus, PlanInvoice, PlanStatus, PlanSubscription
from domain.refund import Refund, RefundStatus
from domain.user import User

_FAILED: Final = frozenset({Status.REJECTED, Status.FAILED, Status.EXPIRED})


@dataclass(frozen=True, slots=True)
class SendNotification(Job):
    """Try once to send a queued message."""

    kind: ClassVar[str] = "send_notification"
    notification_id: NotificationId


class NotificationComposer:
    """Queues messages in the transaction of their cause. New ones go to `email_vendor` and `sms_vendor`."""

    def __init__(self, clock: Clock, *, email_vendor: str, sms_vendor: str) -> None:
        self._clock = clock
        self._vendors = {Channel.EMAIL: email_vendor, Channel.SMS: sms_vendor}

    async def payment(self, work: UnitOfWork, before: Payment, after: Payment) -> None:
        """Queue the message if the payment has settled, failed or become overdue, or if its card was declined."""
        was_declined = after.rail is Rail.CARD and after.failure is not None and after.failure != before.failure
        if after.status is Status.SETTLED and before.status is not Status.SETTLED:
            template = Template.ORDER_CONFIRMATION if after.rail is Rail.CARD else Template.PAYMENT_SETTLED
        elif (after.status in _FAILED and after.status is not before.status) or was_declined:
            template = Template.PAYMENT_FAILED
        elif after.overdue_since is not None and before.overdue_since is None:
            template = Template.PAYMENT_OVERDUE
        else:
            return
        user = await self._user(work, after.user_id)
        amount, reference = after.amount.formatted(user.message_locale), after.end_to_end_id
        data = {"amount": amount, "creditor": after.creditor_name, "reference": reference}
        if template is Template.ORDER_CONFIRMATION:
            data = {"orderNumber": reference, "orderTotal": amount}
        self._queue(work, user, template, data)

    async def returned(self, work: UnitOfWork, payment: Payment, amount: Money) -> None:
        """Queue the message that the payee's bank has sent this amount back."""
        user = await self._user(work, payment.user_id)
        reference = payment.end_to_end_id
        data = {
            "amount": amount.formatted(user.message_locale),
            "creditor": payment.creditor_name,
            "reference": reference,
        }
        self._queue(work, user, Template.PAYMENT_RETURNED, data)

    async def refund(self, work: UnitOfWork, payment: Payment, refund: Refund) -> None:
        if refund.status is RefundStatus.FAILED:
            user = await self._user(work, payment.user_id)
            data = {"amount": refund.amount.formatted(user.message_locale), "reference": payment.end_to_end_id}
            self._queue(work, user, Template.REFUND_FAILED, data)

    async def kyc(self, work: UnitOfWork, before: Kyc, after: Kyc) -> None:
        if after.status is KycStatus.APPROVED and before.status is not KycStatus.APPROVED:
            template = Template.KYC_APPROVED
        elif after.status is KycStatus.REJECTED and before.status is not KycStatus.REJECTED:
            template = Template.KYC_REJECTED
        elif after.retry_required and not before.retry_required:
            template = Template.KYC_RETRY
        else:
            return
        self._queue(work, await self._user(work, after.user_id), template, {})

    async def plan(self, work: UnitOfWork, before: PlanSubscription, after: PlanSubscription) -> None:
        was_running = before.status in (PlanStatus.ACTIVE, PlanStatus.PAST_DUE)
        if was_running and after.status is PlanStatus.ENDED:
            data = {"plan": PLANS[after.plan_id].name}
            self._queue(work, await self._user(work, after.user_id), Template.PLAN_ENDED, data)

    async def invoice(self, work: UnitOfWork, subscription: PlanSubscription, invoice: PlanInvoice) -> None:
        """Queue the message that an invoice is paid or a renewal failed. A failed first payment is seen at once."""
        is_paid = invoice.status is InvoiceStatus.PAID
        is_first = subscription.status in (PlanStatus.CREATED, PlanStatus.INCOMPLETE)
        if not is_paid and (invoice.status is not InvoiceStatus.OPEN or is_first):
            return
        user = await self._user(work, subscription.user_id)
        data: dict[str, str | date] = {
            "invoiceNumber": invoice.number,
            "invoiceTotal": invoice.amount.formatted(user.message_locale),
            "plan": PLANS[subscription.plan_id].name,
        }
        if is_paid:
            data["periodEnd"] = oslo_date(invoice.period_end)
        self._queue(work, user, Template.INVOICE if is_paid else Template.INVOICE_UNPAID, data)

    async def contact_changed(self, work: UnitOfWork, before: User) -> None:
        """Queue a message to the earlier phone number. The message carries the number: the user has another now."""
        if before.phone is not None:
            self._queue(work, before, Template.CONTACT_CHANGED, {"to": before.phone})

    def account_deleted(self, work: UnitOfWork, leaving: User) -> None:
        """Queue the last message, which carries its address: the deleted user has none."""
        if leaving.email is not None:
            self._queue(work, leaving, Template.ACCOUNT_DELETED, {"to": leaving.email})

    async def queue(self, work: UnitOfWork, user_id: UserId, template: Template, **data: str | date) -> None:
        """Queue any other message with the values of its template; days are written as the user reads them."""
        self._queue(work, await self._user(work, user_id), template, data)

    async def _user(self, work: UnitOfWork, user_id: UserId) -> User:
        user = await work.users.get(user_id)
        assert user is not None
        return user

    def _queue(self, work: UnitOfWork, user: User, template: Template, data: Mapping[str, str | date]) -> None:
        channel = channel_of(template)
        address = user.email if channel is Channel.EMAIL else user.phone
        if address is None or not user.preferences.wants(category_of(template)):
            return
        shown = {
            name: formatted_day(value, user.message_locale) if isinstance(value, date) else value
            for name, value in data.items()
        }
        now = self._clock.now()
        notification = Notification(
            id=NotificationId(new_id(ids.NOTIFICATION, now)),
            user_id=user.id,
            template=template,
            locale=user.message_locale,
            data={"firstName": user.first_name, **shown},
            vendor=self._vendors[channel],
            created_at=now,
        )
        work.notifications.add(notification)
        work.jobs.enqueue(SendNotification(notification.id), now=now)
