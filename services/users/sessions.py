"""Sign-ins: looking up, listing and ending sessions."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from db.unit_of_work import Queries, Read, UnitOfWork, Work, retry_on_stale
from domain.clock import Clock
from domain.errors import DatabaseAway, NotFound
from domain.ids import SessionId, UserId
from domain.page import Keyset
from domain.session import LOGIN_ATTEMPT_LIFETIME, Lifetimes, Session, SessionClient, require_recent
from domain.user import SignIn
from providers.fanout.port import Fanout
from services.incidents import Incidents
from services.operations.background import look_every
from services.tokens import hash_of

# For so long a socket stays open while the database does not tell whether its session stands.
_UNTOLD_S: Final = 30.0
_LOOK_AGAIN_S: Final = 0.5
_RUN_OUT_EVERY_S: Final = 60.0
# Longer than a login takes.
_RAN_OUT_FOR: Final = LOGIN_ATTEMPT_LIFETIME + timedelta(minutes=5)
_AT_ONCE: Final = 200
_log = structlog.get_logger()


class Sessions:
    """Sign-ins: looked up by token, listed, and ended, which closes their WebSockets in every process.

    `machine_clock` counts idle time, so that a moved product clock signs nobody out. A session is used by what a
    person causes: `note_use` tells so, and looking a session up, following its stream or a new token does not.
    """

    def __init__(
        self, work: Work, read: Read, fanout: Fanout, machine_clock: Clock, *, at_most: int, lifetimes: Lifetimes
    ) -> None:
        self._work = work
        self._read = read
        self._clock = machine_clock
        self._fanout = fanout
        self._at_most = at_most
        self._lifetimes = lifetimes

    async def sign_in_of(self, token: str, *, is_cookie: bool) -> SignIn | None:
        """The user and session of a token, None if the token is unknown, expired or ended."""
        now = self._clock.now()
        async with self._read() as read:
            found = await read.sessions.by_token(hash_of(token))
        if found is None:
            return None
        session, user = found
        if not session.is_alive(now, self._lifetimes) or now >= session.token_expires_at:
            return None
        if is_cookie != (session.client is SessionClient.WEB):
            return None
        # An app's new access token is noted at its first use: its refresh token's predecessor then counts no more.
        if session.client is SessionClient.MOBILE and session.token_used_at is None:
            await self._save(lambda work: work.sessions.note_token(session.id, hash_of(token), now))
        return SignIn(
            session.user_id,
            session.id,
            session.authenticated_at,
            session.last_seen_at,
            is_cookie,
            user.chosen_locale,
            user,
        )

    async def note_use(self, sign_in: SignIn) -> None:
        """Move the session's end on, since a person has caused something with it; written from time to time only."""
        client = SessionClient.WEB if sign_in.is_cookie else SessionClient.MOBILE
        now = self._clock.now()
        if now - sign_in.last_seen_at > self._lifetimes.of(client).noted_every:
            await self._save(lambda work: work.sessions.touch(sign_in.session_id, now))

    async def _save(self, change: Callable[[UnitOfWork], Awaitable[None]]) -> None:
        # A full disk or a read-only database must not refuse what only reads: the next request tries again.
        with suppress(DatabaseAway):
            async with self._work() as work:
                await change(work)
                await work.commit()

    async def present(self, sign_in: SignIn) -> SignIn | None:
        """The sign-in as it stands now, None where it has ended; a mobile session outlives its access tokens."""
        async with self._read() as read:
            session = await read.sessions.get(sign_in.user_id, sign_in.session_id)
        if session is None or not session.is_alive(self._clock.now(), self._lifetimes):
            return None
        return replace(sign_in, authenticated_at=session.authenticated_at, last_seen_at=session.last_seen_at)

    async def left_s(self, sign_in: SignIn, read: Queries) -> float:
        """How long the session lasts unless it is used, 0 where it has ended."""
        session = await read.sessions.get(sign_in.user_id, sign_in.session_id)
        if session is None or session.ended_at is not None:
            return 0
        return max(0.0, (session.runs_out_at(self._lifetimes) - self._clock.now()).total_seconds())

    async def wait_until_ended(self, sign_in: SignIn) -> bool:
        """True when the session has ended in any process; False when this could not be told for half a minute.

        A WebSocket must close then. A session that runs out tells nobody, so its end is waited for, too.
        """
        async with self._fanout.listen(sign_in.session_id) as wake_up:
            while (left_s := await self._surely_left_s(sign_in)) is not None and left_s > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        await wake_up.wait()
        return left_s is not None

    async def _surely_left_s(self, sign_in: SignIn) -> float | None:
        """As `left_s`; None where the database does not tell."""
        until = time.monotonic() + _UNTOLD_S
        while time.monotonic() < until:
            try:
                async with self._read() as read:
                    return await self.left_s(sign_in, read)
            except Exception:  # whatever it is, a socket whose session is unknown must not stay open
                _log.warning("session_not_read", session_id=sign_in.session_id)
                await asyncio.sleep(_LOOK_AGAIN_S)
        return None

    async def run(self, incidents: Incidents) -> None:
        """End what has run out, so that the audit trail tells of it; each minute, until cancelled."""
        await look_every(_RUN_OUT_EVERY_S, self.end_run_out, incidents, of="sessions")

    async def end_run_out(self) -> None:
        """End the sessions that ran out a while ago, some hundreds in a transaction. Commits. Safe to repeat.

        They are over for requests as they run out. A login that confirms one may have begun before.
        """
        ended = _AT_ONCE
        while ended >= _AT_ONCE:
            now = self._clock.now()
            async with self._work() as work:
                ended = await work.sessions.end_run_out(now - _RAN_OUT_FOR, now, self._lifetimes, _AT_ONCE)
                await work.commit()

    def require_recent(self, sign_in: SignIn) -> None:
        """Demand a recent login, for what cannot be undone. Raises StepUpRequired."""
        require_recent(sign_in.authenticated_at, self._clock.now())

    async def page(self, user_id: UserId, keyset: Keyset) -> list[Session]:
        """The sign-ins that have not ended, newest first, each with its `runs_out_at` as `expires_at`."""
        async with self._read() as read:
            sessions = await read.sessions.page(user_id, keyset, self._clock.now(), self._lifetimes)
        return [self._shown(session) for session in sessions]

    async def by_ids(self, user_id: UserId, wanted: Sequence[SessionId]) -> list[Session]:
        """The user's sign-ins among these that have not ended, as `page` gives them."""
        now = self._clock.now()
        async with self._read() as read:
            sessions = await read.sessions.by_ids(wanted)
        return [
            self._shown(session)
            for session in sessions
            if session.user_id == user_id and session.is_alive(now, self._lifetimes)
        ]

    def _shown(self, session: Session) -> Session:
        return replace(session, expires_at=session.runs_out_at(self._lifetimes))

    async def end(self, user_id: UserId, session_id: SessionId) -> Session:
        """End one sign-in, its open WebSockets included. Raises NotFound."""
        now = self._clock.now()
        session = await retry_on_stale(lambda: self._end(user_id, session_id, now))
        self._fanout.publish(session_id)
        return replace(self._shown(session), ended_at=session.ended_at or now)

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

    async def end_all_within(
        self, work: UnitOfWork, user_id: UserId, because: str = "all ended by the user"
    ) -> list[SessionId]:
        """End every sign-in in the caller's transaction, which then calls `close` with what this gives."""
        return await work.sessions.end_all(user_id, because, self._clock.now())

    async def make_room(self, work: UnitOfWork, user_id: UserId) -> list[SessionId]:
        """End what was used longest ago, so that a new sign-in has a place. The caller commits, and closes these."""
        at_most, now = self._at_most - 1, self._clock.now()
        return await work.sessions.end_beyond(user_id, at_most, "too many sign-ins", now, self._lifetimes)

    def close(self, ended: Sequence[SessionId]) -> None:
        """Close the sockets of sessions that have ended, in every process."""
        for session_id in ended:
            self._fanout.publish(session_id)
