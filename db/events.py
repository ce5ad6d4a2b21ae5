from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.event import UserEventRow, UserEventSeqRow
from domain.event import ChangeKind, EventKind, Position, UserEvent
from domain.ids import UserId


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event of this transaction. Its number in the user's stream is given at commit."""

    user_id: UserId
    kind: EventKind
    object_id: str
    fields: Mapping[str, Any]
    at: datetime
    change: ChangeKind = ChangeKind.UPDATED


class UserEventQueries:
    """Users' streams of events. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def begin_stream(self, user_id: UserId) -> None:
        """Begin a new user's stream.

        A random `epoch` tells the stream from an older one of the same user, before a reset.
        """
        self._session.add(UserEventSeqRow(user_id=user_id, epoch=token_hex(4), last=0))
        await self._session.flush()

    async def append(self, events: Sequence[NewEvent]) -> None:
        """Number the events and write them.

        Must be the last statement before the commit: the lock on the stream's row orders the writers, so that no reader
        sees a higher number before a lower one.
        """
        # Every transaction takes users in the same order, so that no two wait for each other.
        for user_id in sorted({event.user_id for event in events}):
            own = [event for event in events if event.user_id == user_id]
            query = (
                update(UserEventSeqRow)
                .where(col(UserEventSeqRow.user_id) == user_id)
                .values(last=UserEventSeqRow.last + len(own))
                .returning(col(UserEventSeqRow.last))
            )
            last = (await self._session.exec(query)).scalar_one()
            for seq, event in enumerate(own, start=last - len(own) + 1):
                self._session.add(
                    UserEventRow(
                        user_id=user_id,
                        seq=seq,
                        kind=event.kind,
                        object_id=event.object_id,
                        fields=dict(event.fields),
                        at=event.at,
                        change=event.change,
                    )
                )
        await self._session.flush()

    async def position(self, user_id: UserId) -> Position:
        """The end of the user's stream."""
        row = (await self._session.exec(select(UserEventSeqRow).where(UserEventSeqRow.user_id == user_id))).one()
        return Position(row.epoch, row.last)

    async def positions(self, user_ids: Sequence[UserId]) -> dict[UserId, Position]:
        """The ends of several streams; a user without a stream is left out."""
        query = select(UserEventSeqRow).where(col(UserEventSeqRow.user_id).in_(user_ids))
        return {UserId(row.user_id): Position(row.epoch, row.last) for row in await self._session.exec(query)}

    async def oldest_seq(self, user_id: UserId) -> int | None:
        """The lowest number that is still kept; None where no event is."""
        query = select(func.min(UserEventRow.seq)).where(UserEventRow.user_id == user_id)
        return (await self._session.exec(query)).one()

    async def after(self, user_id: UserId, seq: int, limit: int) -> list[UserEvent]:
        """The user's events after the number `seq`, in order."""
        query = (
            select(UserEventRow)
            .where(UserEventRow.user_id == user_id, UserEventRow.seq > seq)
            .order_by(col(UserEventRow.seq))
            .limit(limit)
        )
        return [
            UserEvent(
                UserId(row.user_id),
                row.seq,
                EventKind(row.kind),
                row.object_id,
                row.fields,
                row.at,
                ChangeKind(row.change),
            )
            for row in await self._session.exec(query)
        ]
