from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.field_encryption import FieldEncryption
from db.ids import since_id
from db.locks import locked
from db.sealed import MESSAGE, fields_of
from db.tables.notification import NotificationRow
from db.updates import save_over
from domain import ids
from domain.ids import NotificationId, UserId
from domain.notification import CODES, Channel, Notification, NotificationStatus, Template


def notification_of(row: NotificationRow, fields: FieldEncryption) -> Notification:
    return _notification_of(row, MESSAGE.opened(fields, row.id, row.data))


def _notification_of(row: NotificationRow, data: Mapping[str, str]) -> Notification:
    return Notification(
        id=NotificationId(row.id),
        user_id=UserId(row.user_id),
        template=Template(row.template),
        locale=row.locale,
        data=data,
        vendor=row.vendor,
        created_at=row.created_at,
        status=NotificationStatus(row.status),
        attempts=row.attempts,
        vendor_message_id=row.vendor_message_id,
        outcome=row.outcome,
        version=row.version,
    )


class NotificationQueries:
    """Messages to users, for the services that send them and for operators. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    @property
    def _fields(self) -> FieldEncryption:
        return fields_of(self._session)

    def add(self, notification: Notification, number_hash: str | None = None) -> None:
        """A new message; an SMS with the keyed hash of its number."""
        row = NotificationRow(
            id=notification.id,
            user_id=notification.user_id,
            channel=notification.channel,
            template=notification.template,
            locale=notification.locale,
            data=MESSAGE.sealed(self._fields, notification.id, dict(notification.data)),
            vendor=notification.vendor,
            status=notification.status,
            created_at=notification.created_at,
            number_hash=number_hash,
        )
        self._session.add(row)

    async def get(self, notification_id: str) -> Notification | None:
        query = select(NotificationRow).where(NotificationRow.id == notification_id)
        row = (await self._session.exec(locked(self._session, query))).first()
        return notification_of(row, self._fields) if row else None

    async def by_vendor_message(self, vendor: str, message_id: str) -> Notification | None:
        query = select(NotificationRow).where(
            NotificationRow.vendor == vendor, NotificationRow.vendor_message_id == message_id
        )
        row = (await self._session.exec(query)).first()
        return notification_of(row, self._fields) if row else None

    async def nth_sms_to(self, number_hashes: Sequence[str], nth: int, since: datetime) -> datetime | None:
        """When the `nth` newest SMS since a time to the number of these hashes was queued, whoever caused it.

        None where there were fewer.
        """
        return await self._nth(col(NotificationRow.number_hash).in_(number_hashes), nth, since)

    async def nth_sms_of(self, user_id: UserId, nth: int, since: datetime) -> datetime | None:
        """When the user's `nth` newest SMS since a time was queued; None where there were fewer."""
        own = col(NotificationRow.user_id) == user_id
        return await self._nth(own & (col(NotificationRow.channel) == Channel.SMS), nth, since)

    async def nth_code_of(self, user_id: UserId, nth: int, since: datetime) -> datetime | None:
        """When the `nth` newest code of the user since a time was queued; None where there were fewer."""
        own = col(NotificationRow.user_id) == user_id
        return await self._nth(own & col(NotificationRow.template).in_(CODES.values()), nth, since)

    async def _nth(self, which: ColumnElement[bool], nth: int, since: datetime) -> datetime | None:
        # By the id, which bears the time: all that the user was ever sent would be read where most of it is no SMS.
        is_new = col(NotificationRow.id) >= since_id(ids.NOTIFICATION, since)
        query = select(NotificationRow.created_at).where(which, is_new).order_by(col(NotificationRow.id).desc())
        return (await self._session.exec(query.offset(nth - 1).limit(1))).first()

    async def newest_of(self, user_id: UserId, template: Template) -> Notification | None:
        """The user's newest message of this template."""
        query = select(NotificationRow).where(NotificationRow.user_id == user_id, NotificationRow.template == template)
        row = (await self._session.exec(query.order_by(col(NotificationRow.id).desc()).limit(1))).first()
        return notification_of(row, self._fields) if row else None

    async def in_status(self, status: NotificationStatus, limit: int) -> Sequence[Notification]:
        """Newest first, of all users, without their data: for operators. One that no key opens is listed, too."""
        query = select(NotificationRow).where(NotificationRow.status == status)
        rows = await self._session.exec(query.order_by(col(NotificationRow.id).desc()).limit(limit))
        return [_notification_of(row, {}) for row in rows]

    async def save(self, before: Notification, after: Notification) -> None:
        """Write the new state over the version that was read. Raises StaleVersion.

        The last message to somebody who has left is emptied once it waits no more: no law keeps their address.
        """
        is_last = after.template is Template.ACCOUNT_DELETED and not after.is_waiting
        emptied = {"data": MESSAGE.sealed(self._fields, after.id, {})} if is_last else {}
        await save_over(
            self._session,
            NotificationRow,
            before,
            after,
            status=after.status,
            attempts=after.attempts,
            vendor_message_id=after.vendor_message_id,
            outcome=after.outcome,
            **emptied,
        )
