"""Messages to users: one place decides the template, the channel and whether the user wants the message."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Final

import structlog

from db.field_encryption import FieldEncryption
from db.ids import new_id
from db.unit_of_work import UnitOfWork
from domain import ids
from domain.clock import Clock, oslo_date
from domain.contact_code import ContactKind
from domain.errors import RateLimited
from domain.ids import NotificationId, UserId
from domain.job import Job
from domain.kyc import Kyc, KycStatus
from domain.locale import formatted_day
from domain.money import Money
from domain.notification import CODES, Channel, Notification, Template, category_of, channel_of
from domain.payment import Payment, Rail, Status
from domain.plan import PLANS, InvoiceStatus, PlanInvoice, PlanStatus, PlanSubscription
from domain.refund import Refund, RefundStatus
from domain.user import User

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_log = structlog.get_logger()
_FAILED: Final = frozenset({Status.REJECTED, Status.FAILED, Status.EXPIRED})


@dataclass(frozen=True, slots=True)
class SendNotification(Job):
    """Try once to send a queued message."""

    kind: ClassVar[str] = "send_notification"
    notification_id: NotificationId


class NotificationComposer:
    """Queues messages in the transaction of their cause. New ones go to `email_vendor` and `sms_vendor`."""

    def __init__(
        self,
        clock: Clock,
        encryption: FieldEncryption,
        *,
        email_vendor: str,
        sms_vendor: str,
        sms_an_hour: int,
        sms_a_day: int,
        codes_an_hour: int,
    ) -> None:
        self._clock = clock
        self._encryption = encryption
        self._sms_an_hour = sms_an_hour
        self._sms_a_day = sms_a_day
        self._codes_an_hour = codes_an_hour
        self._vendors = {Channel.EMAIL: email_vendor, Channel.SMS: sms_vendor}

    async def payment(self, work: UnitOfWork, before: Payment, after: Payment) -> None:
        """Queue the message if the payment has settled, failed or become overdue.

        A card that is declined is seen where it was tried, and another try may follow.
        """
        if after.status is Status.SETTLED and before.status is not Status.SETTLED:
            template = Template.ORDER_CONFIRMATION if after.rail is Rail.CARD else Template.PAYMENT_SETTLED
        elif after.status in _FAILED and after.status is not before.status:
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
        await self._came_back(work, payment, amount, Template.PAYMENT_RETURNED)

    async def return_withdrawn(self, work: UnitOfWork, payment: Payment, amount: Money) -> None:
        """Queue the message that the user's bank does not show any more that this amount came back."""
        await self._came_back(work, payment, amount, Template.PAYMENT_RETURN_WITHDRAWN)

    async def _came_back(self, work: UnitOfWork, payment: Payment, amount: Money, template: Template) -> None:
        user = await self._user(work, payment.user_id)
        reference = payment.end_to_end_id
        data = {
            "amount": amount.formatted(user.message_locale),
            "creditor": payment.creditor_name,
            "reference": reference,
        }
        self._queue(work, user, template, data)

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
        elif before.status is KycStatus.APPROVED and after.status is not KycStatus.APPROVED:
            template = Template.KYC_REOPENED
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
        """Queue a message to the earlier phone number and e-mail. It carries them: the user may have others now.

        Raises RateLimited where too many SMS went to the number or to the user: a change that its user is not told of
        waits.
        """
        if before.email is not None:
            self._queue(work, before, Template.CONTACT_CHANGED_MAIL, {"to": before.email})
        if before.phone is not None:
            wait_s = await self._sms_wait_s(work, before.id, before.phone)
            if wait_s > 0:
                raise RateLimited(wait_s)
            self._queue(work, before, Template.CONTACT_CHANGED, {"to": before.phone})

    async def contact_code(self, work: UnitOfWork, user: User, kind: ContactKind, address: str) -> None:
        """Queue the message that will carry a code to a new contact. The code is made as it is sent.

        Raises RateLimited where too many codes were sent to the user, or too many SMS.
        """
        now = self._clock.now()
        nth = await work.notifications.nth_code_of(user.id, self._codes_an_hour, now - _HOUR)
        wait_s = (nth + _HOUR - now).total_seconds() if nth is not None else 0
        if kind is ContactKind.PHONE:
            wait_s = max(wait_s, await self._sms_wait_s(work, user.id, address))
        if wait_s > 0:
            raise RateLimited(wait_s)
        self._queue(work, user, CODES[kind], {"to": address})

    def account_deleted(self, work: UnitOfWork, leaving: User) -> None:
        """Queue the last message, which carries its address: the deleted user has none."""
        if leaving.email is not None:
            self._queue(work, leaving, Template.ACCOUNT_DELETED, {"to": leaving.email})

    async def queue(self, work: UnitOfWork, user_id: UserId, template: Template, **data: str | date) -> None:
        """Queue any other message with the values of its template; days are written as the user reads them.

        An SMS is left out where too many went to the number or to the user: what it tells of happens all the same, or
        whoever causes many SMS could keep the user out, or a stolen sign-in open.
        """
        user = await self._user(work, user_id)
        if channel_of(template) is Channel.SMS and user.phone is not None:
            wait_s = await self._sms_wait_s(work, user_id, user.phone)
            if wait_s > 0:
                _log.warning("sms_left_out", template=template, wait_s=wait_s)
                return
        self._queue(work, user, template, data)

    async def _sms_wait_s(self, work: UnitOfWork, user_id: UserId, number: str) -> float:
        """The seconds until another SMS may go to this number and user, 0 where it may now.

        Counted in the database: no SMS may go out twice because a process or Redis has forgotten the first.
        """
        now, number_hashes = self._clock.now(), self._encryption.keyed_hashes(number)
        sent = work.notifications
        full = (
            (await sent.nth_sms_to(number_hashes, self._sms_an_hour, now - _HOUR), _HOUR),
            (await sent.nth_sms_of(user_id, self._sms_a_day, now - _DAY), _DAY),
        )
        return max((0.0, *((at + per - now).total_seconds() for at, per in full if at is not None)))

    async def _user(self, work: UnitOfWork, user_id: UserId) -> User:
        user = await work.users.get(user_id)
        assert user is not None
        return user

    def _queue(self, work: UnitOfWork, user: User, template: Template, data: Mapping[str, str | date]) -> None:
        channel = channel_of(template)
        address = data.get("to") or (user.email if channel is Channel.EMAIL else user.phone)
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
        number_hash = self._encryption.keyed_hash(str(address)) if channel is Channel.SMS else None
        work.notifications.add(notification, number_hash)
        work.jobs.enqueue(SendNotification(notification.id), now=now)
