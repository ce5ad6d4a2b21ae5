"""An app's bearer tokens: the first ones for its one-time code, later ones for a refresh token."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypedDict

from prometheus_client import Counter

from db.unit_of_work import UnitOfWork, Work, retry_on_stale
from domain.clock import Clock
from domain.errors import StaleVersion
from domain.ids import SessionId, UserId
from domain.login import LoginAttempt
from domain.notification import Template
from domain.session import ACCESS_LIFETIME, Lifetimes, SessionClient
from providers.identity.port import LoginFailed
from services.notifications.compose import NotificationComposer
from services.tokens import code_challenge_of, hash_of, new_token
from services.users.new_session import new_session, tell_of_new_device
from services.users.sessions import Sessions

REUSED: Final = Counter("drop_tokens_used_twice_total", "One-time codes and refresh tokens that came again.", ["what"])


@dataclass(frozen=True, slots=True)
class Tokens:
    """OAuth 2.0 bearer tokens (RFC 6749, 5.1), opaque."""

    access_token: str
    refresh_token: str
    expires_in_s: int


class InvalidGrant(LoginFailed):
    """The code or refresh token is unknown, used or expired (RFC 6749, 5.2)."""

    code = "invalid_grant"


class StepUpOfUnknown(LoginFailed):
    """A step-up that does not say which sign-in it confirms (RFC 6749, 5.2)."""

    code = "invalid_request"


class AppTokens:
    """Gives an app its tokens, each of which is used once but the access token."""

    def __init__(
        self,
        work: Work,
        notifications: NotificationComposer,
        sessions: Sessions,
        *,
        machine_clock: Clock,
        lifetimes: Lifetimes,
    ) -> None:
        self._work = work
        self._sessions = sessions
        self._notifications = notifications
        self._machine_clock = machine_clock
        self._lifetimes = lifetimes

    async def exchange_code(
        self, code: str, code_verifier: str, user_agent: str | None, refresh_token: str | None = None
    ) -> Tokens:
        """Exchange a mobile app's one-time code for tokens.

        `refresh_token` is the app's own until now: its sign-in ends, since the new one takes its place. A code that
        comes again ends the tokens that it gave (RFC 6749, 4.1.2). Raises InvalidGrant, StepUpOfUnknown.
        """
        now = self._machine_clock.now()
        async with self._work() as work:
            attempt = await work.login_attempts.by_code(hash_of(code))
            if attempt is None or attempt.user_id is None or attempt.code_expires_at is None:
                raise InvalidGrant("The code is unknown.")
            is_first = await work.login_attempts.use_code(attempt.id, now)
            # The code is spent even if the verifier is wrong: a stolen code allows one guess.
            if not is_first or now >= attempt.code_expires_at:
                given = attempt.session_id if not is_first else None
                if given is not None and await work.sessions.end(given, "code used twice", now):
                    self._record(work, "code_used_twice", attempt.user_id, given)
                    await self._notifications.queue(work, attempt.user_id, Template.SIGN_IN_STOPPED)
                await work.commit()
                self._sessions.close([attempt.session_id] if attempt.session_id else [])
                raise InvalidGrant("The code was used before or has expired.")
            challenge = code_challenge_of(code_verifier)
            if not secrets.compare_digest(challenge, attempt.app_code_challenge or ""):
                await work.commit()
                raise InvalidGrant("The code_verifier does not match.")
            stood = await self._stood(work, attempt, refresh_token)
            await tell_of_new_device(work, self._notifications, attempt.user_id, user_agent)
            ended = [stood] if stood is not None and await work.sessions.end(stood, "signed in again", now) else []
            ended += await self._sessions.make_room(work, attempt.user_id)
            tokens = _new_tokens()
            session = new_session(
                attempt.user_id,
                SessionClient.MOBILE,
                user_agent,
                now,
                self._lifetimes,
                logged_in_at=attempt.authenticated_at or now,
            )
            work.sessions.add(
                session,
                token_hash=hash_of(tokens.access_token),
                refresh_hash=hash_of(tokens.refresh_token),
                id_token_encrypted=attempt.id_token_encrypted,
            )
            await work.login_attempts.save_session(attempt.id, session.id)
            await work.commit()
        self._sessions.close(ended)
        return tokens

    async def _stood(self, work: UnitOfWork, attempt: LoginAttempt, refresh_token: str | None) -> SessionId | None:
        """The sign-in that the app has held until now, None where it has none. The code is not spent by a refusal."""
        is_step_up = attempt.max_age_s is not None
        if refresh_token is None:
            if is_step_up:
                raise StepUpOfUnknown("Send the refresh_token that you hold, too: a step-up ends its sign-in.")
            return None
        refresh_hash = hash_of(refresh_token)
        # One that a refresh under way has just spent names the same sign-in.
        session = await work.sessions.by_refresh(refresh_hash) or await work.sessions.by_spent_refresh(refresh_hash)
        if is_step_up and (session is None or session.user_id != attempt.user_id):
            raise InvalidGrant("The refresh_token is unknown, or somebody else's. Sign in without step_up.")
        return session.id if session is not None else None

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for new tokens. Raises InvalidGrant.

        The token before the present one gives a fresh pair for ten seconds, while the present pair is unused: the
        app's answer was lost, or is still on its way. Any other use of a spent token ends the session, and its user is
        told; a pair that was replaced as lost is spent, too. A refresh is no use of the session: an app does it by
        itself.
        """
        return await retry_on_stale(lambda: self._refresh(refresh_token))

    async def _refresh(self, refresh_token: str) -> Tokens:
        now = self._machine_clock.now()
        refresh_hash = hash_of(refresh_token)
        tokens = _new_tokens()
        async with self._work() as work:
            session = await work.sessions.by_refresh(refresh_hash)
            if session is None:
                await self._take_spent(work, refresh_hash, tokens, now)
                return tokens
            if not session.is_alive(now, self._lifetimes):
                raise InvalidGrant("The session has ended. Sign in again.")
            rotated = await work.sessions.rotate(session.id, spent=refresh_hash, at=now, **_stored(tokens, now))
            if not rotated:
                raise StaleVersion
            await work.commit()
        return tokens

    async def _take_spent(self, work: UnitOfWork, refresh_hash: str, tokens: Tokens, now: datetime) -> None:
        """Put `tokens` in the place of a lost answer's, or end the session. Raises InvalidGrant."""
        spent = await work.sessions.spent_refresh(refresh_hash)
        if spent is None or spent.is_over:
            raise InvalidGrant("The refresh_token is unknown, spent or ended.")
        successor = spent.successor if spent.is_lost_answer(now) else None
        if successor is not None:
            stored = _stored(tokens, now)
            if not await work.sessions.replace_unused(spent.session_id, successor=successor, at=now, **stored):
                raise StaleVersion
            await work.commit()
            return
        if await work.sessions.end(spent.session_id, "refresh token used twice", now):
            self._record(work, "refresh_token_used_twice", spent.user_id, spent.session_id)
            await self._notifications.queue(work, spent.user_id, Template.SIGN_IN_STOPPED)
        await work.commit()
        self._sessions.close([spent.session_id])
        raise InvalidGrant("The refresh_token was used before. Sign in again.")

    def _record(self, work: UnitOfWork, action: str, user_id: UserId, session_id: SessionId) -> None:
        REUSED.labels(action).inc()
        work.audit.record(action, self._machine_clock.now(), user_id=user_id, object_id=session_id)


def _new_tokens() -> Tokens:
    return Tokens(new_token(), new_token(), int(ACCESS_LIFETIME.total_seconds()))


class _Stored(TypedDict):
    token_hash: str
    token_expires_at: datetime
    refresh_hash: str


def _stored(tokens: Tokens, now: datetime) -> _Stored:
    return {
        "token_hash": hash_of(tokens.access_token),
        "token_expires_at": now + ACCESS_LIFETIME,
        "refresh_hash": hash_of(tokens.refresh_token),
    }
