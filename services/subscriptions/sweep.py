"""Finds changes whose wake-up was lost: every 15 s all listeners are compared with the database."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import structlog

from db.unit_of_work import Read
from domain import ids
from domain.clock import Clock
from domain.event import Position
from domain.ids import SessionId, UserId
from domain.session import Lifetimes
from providers.fanout.port import Fanout
from services.subscriptions.streams import Streams

_LOOK_EVERY_S: Final = 15
_AT_ONCE: Final = 500
Channel = TypeVar("Channel", UserId, SessionId)
_log = structlog.get_logger()


class Sweep:
    """Looks for all listeners of this process together, 500 in one query, so that no listener has to poll."""

    def __init__(
        self, read: Read, streams: Streams, fanout: Fanout, machine_clock: Clock, lifetimes: Lifetimes
    ) -> None:
        self._read = read
        self._streams = streams
        self._fanout = fanout
        self._clock = machine_clock
        self._lifetimes = lifetimes

    async def run(self) -> None:
        """Look every 15 s, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                await self.look()
            except Exception:
                _log.exception("sweep_failed")  # the database is away: the next sweep finds the same

    async def look(self) -> None:
        """Wake each stream that is behind its user's last event, and each socket whose session has ended."""
        places = self._streams.places()
        ends = await self._ends_of(sorted({user for user, _ in places}))
        for user in {user for user, place in places if ends.get(user) != place}:
            self._fanout.wake(user)
        sessions = [SessionId(channel) for channel in self._fanout.channels() if channel.startswith(ids.SESSION)]
        for session in await self._ended(sessions):
            self._fanout.wake(session)

    async def _ends_of(self, users: Sequence[UserId]) -> dict[UserId, Position]:
        found: dict[UserId, Position] = {}
        for some in _batches(users):
            async with self._read() as read:
                found |= await read.events.positions(some)
        return found

    async def _ended(self, sessions: Sequence[SessionId]) -> set[SessionId]:
        now = self._clock.now()
        ended = set(sessions)
        for some in _batches(sessions):
            async with self._read() as read:
                known = await read.sessions.by_ids(some)
            ended -= {session.id for session in known if session.is_alive(now, self._lifetimes)}
        return ended


def _batches(channels: Sequence[Channel]) -> Iterator[Sequence[Channel]]:
    return (channels[start : start + _AT_ONCE] for start in range(0, len(channels), _AT_ONCE))
