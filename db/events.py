from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.event import UserEventRow, UserEventSeqRow
from domain.event import EventKind, Position, UserEvent
from domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Told:
    """An event that waits for its number, which it gets at commit."""

    user_id: UserId
    kind: EventKind
    object_id: str
    fields: Mapping[str, Any]
    at: datetime


class UserEventQueries:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def begin_stream(self, user_id: UserId) -> None:
        """A user's stream begins with the user. Its epoch tells one stream from another after a reset."""
        self._session.add(UserEventSeqRow(user_id=user_id, epoch=token_hex(4), last=0))
        await self._session.flush()

    async def append(self, told: Sequence[Told]) -> None:
        """Number the events and write them. The last statement before commit: the seq row's lock orders writers."""
        # Users in one order for all, so that two transactions cannot wait for each other.
        for user_id in sorted({event.user_id for event in told}):
            events = [event for event in told if event.user_id == user_id]
            query = (
                update(UserEventSeqRow)
                .where(col(UserEventSeqRow.user_id) == user_id)
                .values(last=UserEventSeqRow.last + len(events))
                .returning(col(UserEventSeqRow.last))
            )
            last = (await self._session.exec(query)).scalar_one()
            for seq, event in enumerate(events, start=last - len(events) + 1):
                self._session.add(
                    UserEventRow(
                        user_id=user_id,
                        seq=seq,
                        kind=event.kind,
                        object_id=event.object_id,
                        fields=dict(event.fields),
                        at=event.at,
                    )
                )
        await self._session.flush()

    async def position(self, user_id: UserId) -> Position:
        """The end of the user's stream."""
        row = (await self._session.exec(select(UserEventSeqRow).where(UserEventSeqRow.user_id == user_id))).one()
        return Position(row.epoch, row.last)

    async def positions(self, user_ids: Sequence[UserId]) -> dict[UserId, Position]:
        """The ends of several streams; a user who is not there has none."""
        query = select(UserEventSeqRow).where(col(UserEventSeqRow.user_id).in_(user_ids))
        return {UserId(row.user_id): Position(row.epoch, row.last) for row in await self._session.exec(query)}

    async def oldest_seq(self, user_id: UserId) -> int | None:
        """The oldest number that is still kept, None where nothing is."""
        query = select(func.min(UserEventRow.seq)).where(UserEventRow.user_id == user_id)
        return (await self._session.exec(query)).one()

    async def forget_before(self, at: datetime) -> None:
        await self._session.exec(delete(UserEventRow).where(col(UserEventRow.at) < at))

    async def after(self, user_id: UserId, seq: int, limit: int) -> list[UserEvent]:
        query = (
            select(UserEventRow)
            .where(UserEventRow.user_id == user_id, UserEventRow.seq > seq)
            .order_by(col(UserEventRow.seq))
            .limit(limit)
        )
        return [
            UserEvent(UserId(row.user_id), row.seq, EventKind(row.kind), row.object_id, row.fields, row.at)
            for row in await self._session.exec(query)
        ]
