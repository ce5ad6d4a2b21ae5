"""An app's bearer tokens: the first ones for its one-time code, later ones for a refresh token."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from db.unit_of_work import UnitOfWork, Work
from domain.clock import Clock
from domain.session import ACCESS_LIFETIME, RACE_FORGIVEN, SessionClient
from providers.identity.port import LoginFailed
from services.notifications.compose import NotificationComposer
from services.tokens import code_challenge_of, hash_of, new_token
from services.users.new_session import new_session, tell_of_new_device


@dataclass(frozen=True, slots=True)
class Tokens:
    """OAuth 2.0 bearer tokens (RFC 6749, 5.1), opaque."""

    access_token: str
    refresh_token: str
    expires_in_s: int


class InvalidGrant(LoginFailed):
    """The code or refresh token is unknown, used or expired (RFC 6749, 5.2)."""

    code = "invalid_grant"


class AppTokens:
    """Gives an app its tokens, each of which is used once but the access token."""

    def __init__(self, work: Work, notifications: NotificationComposer, *, machine_clock: Clock) -> None:
        self._work = work
        self._notifications = notifications
        self._machine_clock = machine_clock

    async def exchange_code(self, code: str, code_verifier: str, user_agent: str | None) -> Tokens:
        """Exchange a mobile app's one-time code for tokens. Raises InvalidGrant."""
        now = self._machine_clock.now()
        async with self._work() as work:
            attempt = await work.login_attempts.by_code(hash_of(code))
            if attempt is None or attempt.user_id is None or attempt.code_expires_at is None:
                raise InvalidGrant("The code is unknown.")
            is_first = await work.login_attempts.use_code(attempt.id, now)
            # The code is spent even if the verifier is wrong: a stolen code allows one guess.
            if not is_first or now >= attempt.code_expires_at:
                await work.commit()
                raise InvalidGrant("The code was used before or has expired.")
            challenge = code_challenge_of(code_verifier)
            if not secrets.compare_digest(challenge, attempt.app_code_challenge or ""):
                await work.commit()
                raise InvalidGrant("The code_verifier does not match.")
            await tell_of_new_device(work, self._notifications, attempt.user_id, user_agent)
            tokens = _new_tokens()
            session = new_session(
                attempt.user_id,
                SessionClient.MOBILE,
                user_agent,
                now,
                ACCESS_LIFETIME,
                logged_in_at=attempt.authenticated_at or now,
            )
            work.sessions.add(
                session,
                token_hash=hash_of(tokens.access_token),
                refresh_hash=hash_of(tokens.refresh_token),
                id_token_encrypted=attempt.id_token_encrypted,
            )
            await work.commit()
        return tokens

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for new tokens. A token that is used twice ends its session. Raises InvalidGrant."""
        now = self._machine_clock.now()
        refresh_hash = hash_of(refresh_token)
        async with self._work() as work:
            session = await work.sessions.by_refresh(refresh_hash)
            if session is None:
                await self._answer_reuse(work, refresh_hash, now)
                raise InvalidGrant("The refresh_token is unknown, spent or ended.")
            if session.ended_at is not None or now >= session.expires_at:
                raise InvalidGrant("The session has ended. Sign in again.")
            tokens = _new_tokens()
            rotated = await work.sessions.rotate(
                session.id,
                spent=refresh_hash,
                token_hash=hash_of(tokens.access_token),
                token_expires_at=now + ACCESS_LIFETIME,
                refresh_hash=hash_of(tokens.refresh_token),
                at=now,
            )
            if not rotated:
                raise InvalidGrant("Another request has just refreshed this session.")
            await work.commit()
        return tokens

    async def _answer_reuse(self, work: UnitOfWork, refresh_hash: str, now: datetime) -> None:
        reused = await work.sessions.spent_refresh(refresh_hash)
        if reused is None or (reused.rotated_at is not None and now - reused.rotated_at < RACE_FORGIVEN):
            return
        await work.sessions.end(reused.session_id, "refresh token used twice", now)
        await work.commit()


def _new_tokens() -> Tokens:
    return Tokens(new_token(), new_token(), int(ACCESS_LIFETIME.total_seconds()))
