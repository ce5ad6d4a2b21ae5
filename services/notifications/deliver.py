"""Sending queued messages, trying again, and applying the vendors' delivery reports."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from db.unit_of_work import Read, Work, retry_on_stale
from domain.alert import Severity
from domain.clock import Clock
from domain.contact import on_the_wire
from domain.errors import InDoubt, NotFound, Unavailable, VendorRefusesUs
from domain.ids import NotificationId
from domain.notification import CODES, Channel, Notification, NotificationStatus
from domain.outcome import Outcome
from domain.user import User
from providers.delivery import DeliveryReport, RecipientRefused
from providers.email.port import EmailMessage, EmailProvider
from providers.sms.port import SmsMessage, SmsProvider
from providers.vendors import Vendors
from services.incidents import Incidents
from services.notifications.compose import SendNotification
from services.users.contact_codes import ContactCodes

Step = Callable[[Notification], Notification]
_log = structlog.get_logger()


class NotificationDelivery:
    """Sends queued messages by their vendor and applies delivery reports. Each method commits its own transactions."""

    def __init__(
        self,
        work: Work,
        read: Read,
        email: Vendors[EmailProvider],
        sms: Vendors[SmsProvider],
        incidents: Incidents,
        codes: ContactCodes,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._email = email
        self._sms = sms
        self._incidents = incidents
        self._codes = codes
        self._clock = clock

    async def send(self, notification_id: NotificationId) -> None:
        """Try once to send. If the vendor is away, a later try is queued; after the last one the message is DEAD."""
        async with self._read() as read:
            notification = await read.notifications.get(notification_id)
            user = await read.users.get(notification.user_id) if notification else None
        if notification is None or user is None or not notification.is_waiting:
            return
        try:
            message_id = await self._hand_over(notification, user)
        except RecipientRefused as error:
            refusal = error.message
            await self._step(notification, lambda current: current.apply(NotificationStatus.BOUNCED, refusal))
        except (Unavailable, InDoubt) as error:
            if isinstance(error, VendorRefusesUs):
                self._incidents.alert(Severity.CRITICAL, "Messages are refused", str(error))
            trouble = type(error).__name__
            await retry_on_stale(lambda: self._try_again(notification, trouble))
        else:
            await self._step(
                notification,
                lambda current: replace(current.apply(NotificationStatus.SENT), vendor_message_id=message_id),
            )

    async def apply(self, report: DeliveryReport, vendor: str) -> Outcome | None:
        """Apply a delivery report. Gives what that changed, None if the message is unknown."""
        return await retry_on_stale(lambda: self._apply(report, vendor))

    async def dead(self, limit: int) -> Sequence[Notification]:
        async with self._read() as read:
            return await read.notifications.in_status(NotificationStatus.DEAD, limit)

    async def replay(self, notification_id: NotificationId) -> None:
        """Send a dead message once more, with all its tries. Raises NotFound."""
        now = self._clock.now()
        async with self._work() as work:
            before = await work.notifications.get(notification_id)
            after = before.replayed() if before else None
            if before is None or after is None or after is before:
                raise NotFound("There is no dead message with this id.")
            await work.notifications.save(before, after)
            work.jobs.enqueue(SendNotification(before.id), now=now)
            await work.commit()

    async def _apply(self, report: DeliveryReport, vendor: str) -> Outcome | None:
        async with self._work() as work:
            before = await work.notifications.get(report.notification_id) if report.notification_id else None
            if before is None and report.vendor_message_id is not None:
                before = await work.notifications.by_vendor_message(vendor, report.vendor_message_id)
            if before is None:
                return None
            if report.status is None:
                return Outcome(False, f"{report.detail} says nothing of delivery", before.user_id)
            after = before.apply(report.status, report.detail)
            if after is before:
                return Outcome(False, f"the message is {before.status} already", before.user_id)
            await work.notifications.save(before, after)
            await work.commit()
        return Outcome(True, f"{before.status} -> {after.status}", before.user_id)

    async def _hand_over(self, notification: Notification, user: User) -> str:
        template, locale, data = notification.template, notification.locale, await self._data_of(notification)
        if notification.channel is Channel.SMS:
            phone = data.get("to") or user.phone
            if phone is None:
                raise RecipientRefused("The user has no phone number any more.")
            sms = SmsMessage(notification.id, phone, template, locale, data)
            return await self._sms[notification.vendor].send(sms)
        address = data.get("to") or user.email
        if address is None:
            raise RecipientRefused("The user has no e-mail address any more.")
        mail = EmailMessage(notification.id, on_the_wire(address), user.name, template, locale, data)
        return await self._email[notification.vendor].send(mail)

    async def _data_of(self, notification: Notification) -> Mapping[str, str]:
        kind = next((kind for kind, template in CODES.items() if template is notification.template), None)
        if kind is None:
            return notification.data
        code = await self._codes.issue(notification.user_id, kind, notification.data["to"])
        if code is None:
            raise RecipientRefused("The user waits for no code there any more.")
        return {**notification.data, "code": code}

    async def _step(self, notification: Notification, step: Step) -> None:
        await retry_on_stale(lambda: self._save(notification, step))

    async def _save(self, notification: Notification, step: Step) -> None:
        async with self._work() as work:
            before = await work.notifications.get(notification.id)
            assert before is not None
            after = step(before)
            if after != before:
                await work.notifications.save(before, after)
                await work.commit()

    async def _try_again(self, notification: Notification, error: str) -> None:
        now = self._clock.now()
        async with self._work() as work:
            before = await work.notifications.get(notification.id)
            assert before is not None
            if not before.is_waiting:
                return
            after, pause = before.failed(error)
            await work.notifications.save(before, after)
            if pause is None:
                _log.error("notification_dead", notification_id=after.id, template=after.template)
                message = f"{after.template} {after.id} was not sent: {error}"
                self._incidents.alert(Severity.WARNING, "Dead message", message)
            else:
                work.jobs.enqueue(SendNotification(after.id), due_at=now + pause, now=now)
            await work.commit()
