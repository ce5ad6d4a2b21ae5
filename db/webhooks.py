from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.ids import new_id
from db.tables.event import AuditEventRow, WebhookEventRow
from domain.ids import UserId
from domain.webhook import Webhook, WebhookStatus


def _webhook_of(row: WebhookEventRow) -> Webhook:
    return Webhook(
        id=row.id,
        provider=row.provider,
        event_key=row.event_key,
        raw=row.raw,
        received_at=row.received_at,
        status=WebhookStatus(row.status),
        outcome=row.outcome,
        attempts=row.attempts,
    )


class WebhookQueries:
    """Verified webhooks of every vendor, as they came. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add_once(self, webhook: Webhook) -> bool:
        """Store a webhook. False where the vendor sent the same event before, which changes nothing."""
        insert = sqlite_insert if self._session.get_bind().dialect.name == "sqlite" else postgresql_insert
        statement = (
            insert(WebhookEventRow)
            .values(**asdict(webhook))
            .on_conflict_do_nothing(index_elements=["provider", "event_key"])
            .returning(col(WebhookEventRow.id))
        )
        return (await self._session.exec(statement)).scalar_one_or_none() is not None

    async def get(self, webhook_id: str) -> Webhook | None:
        row = await self._session.get(WebhookEventRow, webhook_id)
        return _webhook_of(row) if row else None

    async def newest(self, limit: int) -> list[Webhook]:
        query = select(WebhookEventRow).order_by(col(WebhookEventRow.id).desc()).limit(limit)
        return [_webhook_of(row) for row in await self._session.exec(query)]

    async def forget_before(self, at: datetime) -> None:
        await self._session.exec(delete(WebhookEventRow).where(col(WebhookEventRow.received_at) < at))

    async def close(self, webhook_id: str, *, status: WebhookStatus, outcome: str, at: datetime) -> None:
        """Store the outcome of processing, and count the try."""
        attempts = col(WebhookEventRow.attempts) + 1
        await self._session.exec(
            update(WebhookEventRow)
            .where(col(WebhookEventRow.id) == webhook_id)
            .values(status=status, outcome=outcome, processed_at=at, attempts=attempts)
        )


class AuditQueries:
    """The append-only audit trail. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def record(
        self,
        action: str,
        at: datetime,
        *,
        user_id: UserId | None = None,
        object_id: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an entry in the transaction that it describes. `detail` must have no personal data."""
        row = AuditEventRow(
            id=new_id("aud", at),
            user_id=user_id,
            action=action,
            object_id=object_id,
            detail=dict(detail or {}),
            at=at,
        )
        self._session.add(row)
