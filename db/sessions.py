from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.paging import page_by_id
from db.tables.user import LoginAttemptRow, SessionRow, SpentRefreshRow, UserRow
from db.updates import changed_one
from domain.ids import SessionId, UserId
from domain.login import LoginAttempt
from domain.page import Keyset
from domain.session import IDLE_LIFETIME, Session, SessionClient, SpentRefresh


def _session_of(row: SessionRow) -> Session:
    return Session(
        SessionId(row.id),
        UserId(row.user_id),
        SessionClient(row.client),
        row.user_agent,
        row.created_at,
        row.last_seen_at,
        row.expires_at,
        row.authenticated_at or row.created_at,
        row.token_expires_at,
        row.ended_at,
    )


def _attempt_of(row: LoginAttemptRow) -> LoginAttempt:
    return LoginAttempt(
        id=row.id,
        browser_hash=row.browser_hash,
        nonce=row.nonce,
        code_verifier=row.code_verifier,
        redirect_uri=row.redirect_uri,
        return_to=row.return_to,
        client=SessionClient(row.client),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        app_state=row.app_state,
        app_code_challenge=row.app_code_challenge,
        max_age_s=row.max_age_s,
        session_id=SessionId(row.session_id) if row.session_id else None,
        user_id=UserId(row.user_id) if row.user_id else None,
        code_expires_at=row.code_expires_at,
        authenticated_at=row.authenticated_at,
        id_token_encrypted=row.id_token_encrypted,
    )


class SessionQueries:
    """Users' sign-ins. Tokens come as their SHA-256 hashes. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(
        self, session: Session, *, token_hash: str, refresh_hash: str | None, id_token_encrypted: bytes | None
    ) -> None:
        """A new sign-in, with what its secrets are known by."""
        row = SessionRow(
            **asdict(session), token_hash=token_hash, refresh_hash=refresh_hash, id_token_encrypted=id_token_encrypted
        )
        self._session.add(row)

    async def user_agents(self, user_id: UserId) -> set[str | None]:
        """What the user has signed in with, ended sessions included."""
        query = select(SessionRow.user_agent).where(SessionRow.user_id == user_id).distinct()
        return set(await self._session.exec(query))

    async def by_token(self, token_hash: str) -> tuple[Session, str | None] | None:
        """The sign-in that holds this token, ended or not, and the locale that its user has chosen."""
        query = select(SessionRow, UserRow.chosen_locale).join(UserRow, col(UserRow.id) == col(SessionRow.user_id))
        found = (await self._session.exec(query.where(SessionRow.token_hash == token_hash))).first()
        return (_session_of(found[0]), found[1]) if found else None

    async def by_refresh(self, refresh_hash: str) -> Session | None:
        """The sign-in that this refresh token renews, ended or not."""
        row = (await self._session.exec(select(SessionRow).where(SessionRow.refresh_hash == refresh_hash))).first()
        return _session_of(row) if row else None

    async def spent_refresh(self, refresh_hash: str) -> SpentRefresh | None:
        """A refresh token that its session has rotated. If it is sent again, it may be stolen."""
        spent = await self._session.get(SpentRefreshRow, refresh_hash)
        row = await self._session.get(SessionRow, spent.session_id) if spent else None
        if row is None:
            return None
        is_last = row.previous_refresh_hash == refresh_hash
        return SpentRefresh(SessionId(row.id), row.refreshed_at if is_last else None)

    async def rotate(
        self,
        session_id: SessionId,
        *,
        spent: str,
        token_hash: str,
        token_expires_at: datetime,
        refresh_hash: str,
        at: datetime,
    ) -> bool:
        """Replace the access and refresh tokens. False where another request replaced them first."""
        rotated = await self._session.exec(
            update(SessionRow)
            .where(col(SessionRow.id) == session_id, col(SessionRow.refresh_hash) == spent)
            .values(
                token_hash=token_hash,
                token_expires_at=token_expires_at,
                refresh_hash=refresh_hash,
                previous_refresh_hash=spent,
                refreshed_at=at,
                last_seen_at=at,
            )
        )
        if not changed_one(rotated):
            return False
        self._session.add(SpentRefreshRow(refresh_hash=spent, session_id=session_id))
        return True

    async def touch(self, session_id: SessionId, at: datetime) -> None:
        await self._session.exec(update(SessionRow).where(col(SessionRow.id) == session_id).values(last_seen_at=at))

    async def page(self, user_id: UserId, keyset: Keyset, now: datetime) -> list[Session]:
        """The sessions that are alive at `now`, newest first. With `backwards` the last ones, oldest first."""
        query = select(SessionRow).where(
            SessionRow.user_id == user_id,
            col(SessionRow.ended_at).is_(None),
            col(SessionRow.expires_at) > now,
            col(SessionRow.last_seen_at) > now - IDLE_LIFETIME,
        )
        query = page_by_id(query, col(SessionRow.id), keyset, newest_first=True)
        return [_session_of(row) for row in await self._session.exec(query)]

    async def get(self, user_id: UserId, session_id: SessionId) -> Session | None:
        """A sign-in of this user, ended or not."""
        query = select(SessionRow).where(SessionRow.user_id == user_id, SessionRow.id == session_id)
        row = (await self._session.exec(query)).first()
        return _session_of(row) if row else None

    async def id_token_encrypted(self, user_id: UserId, session_id: SessionId) -> bytes | None:
        """By which the identity provider knows the browser's session there."""
        query = select(SessionRow.id_token_encrypted).where(SessionRow.user_id == user_id, SessionRow.id == session_id)
        return (await self._session.exec(query)).first()

    async def confirm(self, session_id: SessionId, at: datetime, id_token_encrypted: bytes | None) -> None:
        """The person has logged in once more at `at`, within the sign-in that stands."""
        await self._session.exec(
            update(SessionRow)
            .where(col(SessionRow.id) == session_id)
            .values(authenticated_at=at, id_token_encrypted=id_token_encrypted)
        )

    async def by_ids(self, session_ids: Sequence[SessionId]) -> Sequence[Session]:
        """Sessions of any user: for the service that closes the sockets of ended sessions."""
        query = select(SessionRow).where(col(SessionRow.id).in_(session_ids))
        return [_session_of(row) for row in await self._session.exec(query)]

    async def end(self, session_id: SessionId, because: str, at: datetime) -> None:
        """Safe to repeat: the first end and its reason stay."""
        await self._session.exec(
            update(SessionRow)
            .where(col(SessionRow.id) == session_id, col(SessionRow.ended_at).is_(None))
            .values(ended_at=at, ended_because=because)
        )

    async def end_all(self, user_id: UserId, because: str, at: datetime) -> list[SessionId]:
        """End every session of the user. Gives the ids of those that this call ended."""
        query = (
            update(SessionRow)
            .where(col(SessionRow.user_id) == user_id, col(SessionRow.ended_at).is_(None))
            .values(ended_at=at, ended_because=because)
            .returning(col(SessionRow.id))
        )
        return [SessionId(ended) for ended in (await self._session.exec(query)).scalars()]


class LoginAttemptQueries:
    """Logins under way, from the redirect to BankID until the app has its tokens. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, attempt: LoginAttempt, *, state_hash: str) -> None:
        """A login that has begun; the identity provider gives its state back."""
        self._session.add(LoginAttemptRow(**asdict(attempt), state_hash=state_hash))

    async def by_state(self, state_hash: str) -> LoginAttempt | None:
        """The attempt that was begun with this state, used or not."""
        query = select(LoginAttemptRow).where(LoginAttemptRow.state_hash == state_hash)
        row = (await self._session.exec(query)).first()
        return _attempt_of(row) if row else None

    async def use(self, attempt_id: str, at: datetime) -> bool:
        """Mark the attempt as used; False where it was used before, since a state works once."""
        used = await self._session.exec(
            update(LoginAttemptRow)
            .where(col(LoginAttemptRow.id) == attempt_id, col(LoginAttemptRow.used_at).is_(None))
            .values(used_at=at)
        )
        return changed_one(used)

    async def save_code(
        self,
        attempt_id: str,
        *,
        code_hash: str,
        expires_at: datetime,
        user_id: str,
        id_token_encrypted: bytes | None,
        authenticated_at: datetime,
    ) -> None:
        """Store what an app's one-time code stands for; `code_hash` is the code's SHA-256."""
        await self._session.exec(
            update(LoginAttemptRow)
            .where(col(LoginAttemptRow.id) == attempt_id)
            .values(
                code_hash=code_hash,
                code_expires_at=expires_at,
                user_id=user_id,
                id_token_encrypted=id_token_encrypted,
                authenticated_at=authenticated_at,
            )
        )

    async def forget_before(self, at: datetime) -> None:
        await self._session.exec(delete(LoginAttemptRow).where(col(LoginAttemptRow.expires_at) < at))

    async def by_code(self, code_hash: str) -> LoginAttempt | None:
        """The attempt that this one-time code was given for, used or not."""
        query = select(LoginAttemptRow).where(LoginAttemptRow.code_hash == code_hash)
        row = (await self._session.exec(query)).first()
        return _attempt_of(row) if row else None

    async def use_code(self, attempt_id: str, at: datetime) -> bool:
        """Mark the one-time code as used; False where it was used before."""
        used = await self._session.exec(
            update(LoginAttemptRow)
            .where(col(LoginAttemptRow.id) == attempt_id, col(LoginAttemptRow.code_used_at).is_(None))
            .values(code_used_at=at)
        )
        return changed_one(used)
