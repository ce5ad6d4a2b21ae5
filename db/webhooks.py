from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.field_encryption import FieldEncryption
from db.sealed import WEBHOOK, fields_of
from db.tables.event import WebhookEventRow
from db.tables.user import UserRow
from domain.ids import UserId
from domain.webhook import Webhook, WebhookStatus


def _webhook_of(row: WebhookEventRow, raw: bytes) -> Webhook:
    return Webhook(
        id=row.id,
        provider=row.provider,
        event_key=row.event_key,
        raw=raw,
        received_at=row.received_at,
        status=WebhookStatus(row.status),
        outcome=row.outcome,
        attempts=row.attempts,
    )


class WebhookQueries:
    """Verified webhooks of every vendor, as they came. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    @property
    def _fields(self) -> FieldEncryption:
        return fields_of(self._session)

    async def add_once(self, webhook: Webhook) -> bool:
        """Store a webhook. False where the vendor sent the same event before, which changes nothing."""
        insert = sqlite_insert if self._session.get_bind().dialect.name == "sqlite" else postgresql_insert
        statement = (
            insert(WebhookEventRow)
            .values(**asdict(replace(webhook, raw=WEBHOOK.sealed(self._fields, webhook.id, webhook.raw))))
            .on_conflict_do_nothing(index_elements=["provider", "event_key"])
            .returning(col(WebhookEventRow.id))
        )
        return (await self._session.exec(statement)).scalar_one_or_none() is not None

    async def get(self, webhook_id: str) -> Webhook | None:
        row = await self._session.get(WebhookEventRow, webhook_id)
        return _webhook_of(row, WEBHOOK.opened(self._fields, row.id, row.raw)) if row else None

    async def newest(self, limit: int) -> list[Webhook]:
        """Without their bodies: one that no key opens is listed, too."""
        query = select(WebhookEventRow).order_by(col(WebhookEventRow.id).desc()).limit(limit)
        return [_webhook_of(row, b"") for row in await self._session.exec(query)]

    async def close(
        self, webhook_id: str, *, status: WebhookStatus, outcome: str, at: datetime, user_id: UserId | None = None
    ) -> None:
        """Store the outcome of processing, with the person whom the webhook is about, and count the try."""
        attempts = col(WebhookEventRow.attempts) + 1
        found = {"user_id": user_id} if user_id is not None else {}
        await self._session.exec(
            update(WebhookEventRow)
            .where(col(WebhookEventRow.id) == webhook_id)
            .values(status=status, outcome=outcome, processed_at=at, attempts=attempts, **found)
        )

    async def forget_of_departed(self, webhook_id: str, user_id: UserId) -> None:
        """Delete a webhook whose person has left."""
        departed = select(col(UserRow.id)).where(col(UserRow.id) == user_id, col(UserRow.deleted_at).is_not(None))
        await self._session.exec(
            delete(WebhookEventRow).where(col(WebhookEventRow.id) == webhook_id, departed.exists())
        )
