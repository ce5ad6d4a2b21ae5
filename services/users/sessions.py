"""Sign-ins: looking up, listing and ending sessions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from db.unit_of_work import Queries, Read, UnitOfWork, Work, retry_on_stale
from domain.clock import Clock
from domain.errors import NotFound
from domain.ids import SessionId, UserId
from domain.page import Keyset
from domain.session import Session, SessionClient, require_recent
from domain.user import SignIn
from providers.fanout.port import Fanout
from services.tokens import hash_of

# `last_seen_at` is written at most this often: otherwise each read request would write.
_TOUCH_EVERY: Final = timedelta(minutes=5)


class Sessions:
    """Sign-ins: looked up by token, listed, and ended, which closes their WebSockets in every process.

    `machine_clock` counts idle time, so that a moved product clock signs nobody out.
    """

    def __init__(self, work: Work, read: Read, fanout: Fanout, machine_clock: Clock) -> None:
        self._work = work
        self._read = read
        self._clock = machine_clock
        self._fanout = fanout

    async def sign_in_of(self, token: str, *, is_cookie: bool) -> SignIn | None:
        """The user and session of a token, None if the token is unknown, expired or ended."""
        now = self._clock.now()
        async with self._read() as read:
            found = await read.sessions.by_token(hash_of(token))
        if found is None:
            return None
        session, chosen_locale = found
        if not session.is_alive(now) or now >= session.token_expires_at:
            return None
        if is_cookie != (session.client is SessionClient.WEB):
            return None
        if now - session.last_seen_at > _TOUCH_EVERY:
            async with self._work() as work:
                await work.sessions.touch(session.id, now)
                await work.commit()
        return SignIn(session.user_id, session.id, session.authenticated_at, is_cookie, chosen_locale)

    async def is_alive(self, sign_in: SignIn, read: Queries | None = None) -> bool:
        """Whether the session still stands; a mobile session outlives its access tokens."""
        if read is None:
            async with self._read() as own:
                return await self.is_alive(sign_in, own)
        session = await read.sessions.get(sign_in.user_id, sign_in.session_id)
        return session is not None and session.is_alive(self._clock.now())

    async def wait_until_ended(self, sign_in: SignIn) -> None:
        """Returns when the session has ended in any process, as a WebSocket must close then."""
        async with self._fanout.listen(sign_in.session_id) as wake_up:
            while await self.is_alive(sign_in):
                await wake_up.wait()

    def require_recent(self, sign_in: SignIn) -> None:
        """Demand a recent login, for what cannot be undone. Raises StepUpRequired."""
        require_recent(sign_in.authenticated_at, self._clock.now())

    async def page(self, user_id: UserId, keyset: Keyset) -> list[Session]:
        """The sign-ins that have not ended, newest first."""
        async with self._read() as read:
            return await read.sessions.page(user_id, keyset, self._clock.now())

    async def by_ids(self, user_id: UserId, wanted: Sequence[SessionId]) -> list[Session]:
        """The user's sign-ins among these that have not ended."""
        now = self._clock.now()
        async with self._read() as read:
            sessions = await read.sessions.by_ids(wanted)
        return [session for session in sessions if session.user_id == user_id and session.is_alive(now)]

    async def end(self, user_id: UserId, session_id: SessionId) -> Session:
        """End one sign-in, its open WebSockets included. Raises NotFound."""
        now = self._clock.now()
        session = await retry_on_stale(lambda: self._end(user_id, session_id, now))
        self._fanout.publish(session_id)
        return replace(session, ended_at=session.ended_at or now)

    async def _end(self, user_id: UserId, session_id: SessionId, now: datetime) -> Session:
        async with self._work() as work:
            session = await work.sessions.get(user_id, session_id)
            if session is None:
                raise NotFound("There is no such session.", field=("input", "id"))
            await work.sessions.end(session_id, "ended by the user", now)
            await work.commit()
        return session

    async def end_all(self, user_id: UserId) -> int:
        """End every sign-in of the user. Gives how many were ended."""
        ended = await retry_on_stale(lambda: self._end_all(user_id))
        self.close(ended)
        return len(ended)

    async def _end_all(self, user_id: UserId) -> list[SessionId]:
        async with self._work() as work:
            ended = await self.end_all_within(work, user_id)
            await work.commit()
        return ended

    async def end_all_within(self, work: UnitOfWork, user_id: UserId) -> list[SessionId]:
        """End every sign-in in the caller's transaction, which then calls `close` with what this gives."""
        return await work.sessions.end_all(user_id, "all ended by the user", self._clock.now())

    def close(self, ended: Sequence[SessionId]) -> None:
        """Close the sockets of sessions that have ended, in every process."""
        for session_id in ended:
            self._fanout.publish(session_id)
