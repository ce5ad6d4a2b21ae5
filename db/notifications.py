from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.locks import locked
from db.tables.notification import NotificationRow
from db.updates import save_over
from domain.ids import NotificationId, UserId
from domain.notification import Notification, NotificationStatus, Template


def notification_of(row: NotificationRow) -> Notification:
    return Notification(
        id=NotificationId(row.id),
        user_id=UserId(row.user_id),
        template=Template(row.template),
        locale=row.locale,
        data=row.data,
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

    def add(self, notification: Notification) -> None:
        row = NotificationRow(
            id=notification.id,
            user_id=notification.user_id,
            channel=notification.channel,
            template=notification.template,
            locale=notification.locale,
            data=dict(notification.data),
            vendor=notification.vendor,
            status=notification.status,
            created_at=notification.created_at,
        )
        self._session.add(row)

    async def get(self, notification_id: str) -> Notification | None:
        query = select(NotificationRow).where(NotificationRow.id == notification_id)
        row = (await self._session.exec(locked(self._session, query))).first()
        return notification_of(row) if row else None

    async def by_vendor_message(self, vendor: str, message_id: str) -> Notification | None:
        query = select(NotificationRow).where(
            NotificationRow.vendor == vendor, NotificationRow.vendor_message_id == message_id
        )
        row = (await self._session.exec(query)).first()
        return notification_of(row) if row else None

    async def of_user(self, user_id: UserId, limit: int) -> list[Notification]:
        """Newest first."""
        query = select(NotificationRow).where(NotificationRow.user_id == user_id)
        rows = await self._session.exec(query.order_by(col(NotificationRow.id).desc()).limit(limit))
        return [notification_of(row) for row in rows]

    async def in_status(self, status: NotificationStatus, limit: int) -> Sequence[Notification]:
        """Newest first, of all users: for operators."""
        query = select(NotificationRow).where(NotificationRow.status == status)
        rows = await self._session.exec(query.order_by(col(NotificationRow.id).desc()).limit(limit))
        return [notification_of(row) for row in rows]

    async def forget_before(self, at: datetime) -> None:
        await self._session.exec(delete(NotificationRow).where(col(NotificationRow.created_at) < at))

    async def save(self, before: Notification, after: Notification) -> None:
        """Write the new state over the version that was read. Raises StaleVersion."""
        await save_over(
            self._session,
            NotificationRow,
            before,
            after,
            status=after.status,
            attempts=after.attempts,
            vendor_message_id=after.vendor_message_id,
            outcome=after.outcome,
        )
