from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, Update, and_, or_, true, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.audit import AuditQueries
from db.paging import page_by_id
from db.sealed import fields_of
from db.tables.user import LoginAttemptRow, SessionRow, SpentRefreshRow, UserRow
from db.updates import changed_one
from db.users import user_of
from domain.ids import SessionId, UserId
from domain.login import LoginAttempt
from domain.page import Keyset
from domain.session import Lifetimes, Session, SessionClient, SpentRefresh
from domain.user import User


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
        row.token_used_at,
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


def _lasts(client: SessionClient, lifetimes: Lifetimes, now: datetime) -> ColumnElement[bool]:
    """`Session.runs_out_at`, as the database reads it."""
    lifetime = lifetimes.of(client)
    return and_(
        col(SessionRow.client) == client,
        col(SessionRow.created_at) > now - lifetime.longest,
        col(SessionRow.last_seen_at) > now - lifetime.idle,
    )


class SessionQueries:
    """Users' sign-ins. Tokens come as their SHA-256 hashes. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._audit = AuditQueries(session)

    def add(
        self, session: Session, *, token_hash: str, refresh_hash: str | None, id_token_encrypted: bytes | None
    ) -> None:
        """A new sign-in, with what its secrets are known by."""
        row = SessionRow(
            **asdict(session), token_hash=token_hash, refresh_hash=refresh_hash, id_token_encrypted=id_token_encrypted
        )
        self._session.add(row)
        detail = {"client": session.client}
        self._audit.record(
            "signed_in", session.created_at, user_id=session.user_id, object_id=session.id, detail=detail
        )

    async def user_agents(self, user_id: UserId) -> set[str | None]:
        """What the user has signed in with, ended sessions included."""
        query = select(SessionRow.user_agent).where(SessionRow.user_id == user_id).distinct()
        return set(await self._session.exec(query))

    async def by_token(self, token_hash: str) -> tuple[Session, User] | None:
        """The sign-in that holds this token, ended or not, and its user."""
        query = select(SessionRow, UserRow).join(UserRow, col(UserRow.id) == col(SessionRow.user_id))
        found = (await self._session.exec(query.where(SessionRow.token_hash == token_hash))).first()
        return (_session_of(found[0]), user_of(found[1], fields_of(self._session))) if found else None

    async def by_refresh(self, refresh_hash: str) -> Session | None:
        """The sign-in that this refresh token renews, ended or not."""
        row = (await self._session.exec(select(SessionRow).where(SessionRow.refresh_hash == refresh_hash))).first()
        return _session_of(row) if row else None

    async def by_spent_refresh(self, refresh_hash: str) -> Session | None:
        """The sign-in that this refresh token has renewed once, ended or not."""
        spent = await self._session.get(SpentRefreshRow, refresh_hash)
        row = await self._session.get(SessionRow, spent.session_id) if spent else None
        return _session_of(row) if row else None

    async def spent_refresh(self, refresh_hash: str) -> SpentRefresh | None:
        """A refresh token that its session has rotated. If it is sent again, it may be stolen."""
        spent = await self._session.get(SpentRefreshRow, refresh_hash)
        row = await self._session.get(SessionRow, spent.session_id) if spent else None
        if row is None:
            return None
        is_last = row.previous_refresh_hash == refresh_hash
        return SpentRefresh(
            SessionId(row.id),
            UserId(row.user_id),
            row.refreshed_at if is_last else None,
            row.refresh_hash,
            is_successor_used=row.token_used_at is not None,
            is_over=row.ended_at is not None,
        )

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
                token_used_at=None,
            )
        )
        if not changed_one(rotated):
            return False
        self._session.add(SpentRefreshRow(refresh_hash=spent, session_id=session_id, spent_at=at))
        return True

    async def replace_unused(
        self,
        session_id: SessionId,
        *,
        successor: str,
        token_hash: str,
        token_expires_at: datetime,
        refresh_hash: str,
        at: datetime,
    ) -> bool:
        """Put another pair in the place of one whose answer was lost. False where it was used or replaced meanwhile.

        The pair is spent from now on: if it comes after all, somebody else has asked for the other one.
        """
        unused = (col(SessionRow.refresh_hash) == successor, col(SessionRow.token_used_at).is_(None))
        replaced = await self._session.exec(
            update(SessionRow)
            .where(col(SessionRow.id) == session_id, col(SessionRow.ended_at).is_(None), *unused)
            .values(token_hash=token_hash, token_expires_at=token_expires_at, refresh_hash=refresh_hash)
        )
        if not changed_one(replaced):
            return False
        self._session.add(SpentRefreshRow(refresh_hash=successor, session_id=session_id, spent_at=at))
        return True

    async def note_token(self, session_id: SessionId, token_hash: str, at: datetime) -> None:
        """Record the first use of a session's token, unless the token was replaced meanwhile."""
        row = update(SessionRow).where(col(SessionRow.id) == session_id, col(SessionRow.token_hash) == token_hash)
        await self._session.exec(row.values(token_used_at=at))

    async def touch(self, session_id: SessionId, at: datetime) -> None:
        """Record that a session was used by a person."""
        await self._session.exec(update(SessionRow).where(col(SessionRow.id) == session_id).values(last_seen_at=at))

    async def page(self, user_id: UserId, keyset: Keyset, now: datetime, lifetimes: Lifetimes) -> list[Session]:
        """The sessions that are alive at `now`, newest first. With `backwards` the last ones, oldest first."""
        query = select(SessionRow).where(
            SessionRow.user_id == user_id,
            col(SessionRow.ended_at).is_(None),
            col(SessionRow.expires_at) > now,
            or_(*(_lasts(client, lifetimes, now) for client in SessionClient)),
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

    async def by_ids(self, session_ids: Sequence[SessionId]) -> Sequence[Session]:
        """Sessions of any user: for the service that closes the sockets of ended sessions."""
        query = select(SessionRow).where(col(SessionRow.id).in_(session_ids))
        return [_session_of(row) for row in await self._session.exec(query)]

    async def end(self, session_id: SessionId, because: str, at: datetime) -> bool:
        """Whether this call ended it. Safe to repeat: the first end and its reason stay."""
        return bool(await self._end(update(SessionRow).where(col(SessionRow.id) == session_id), because, at))

    async def end_run_out(self, before: datetime, at: datetime, lifetimes: Lifetimes, limit: int) -> int:
        """End sessions that ran out before a time, up to `limit` of each kind, with an entry each. Gives how many.

        What another transaction holds is left. One that outlived a lifetime that was shortened goes once it is idle.
        """
        ran_out = [
            (col(SessionRow.client) == client, col(SessionRow.last_seen_at), before - lifetimes.of(client).idle)
            for client in SessionClient
        ]
        found: dict[str, datetime] = {}
        for which, since, end in (*ran_out, (true(), col(SessionRow.expires_at), before)):
            query = select(SessionRow).where(which, col(SessionRow.ended_at).is_(None), since <= end)
            query = query.order_by(since).limit(limit).with_for_update(skip_locked=True, key_share=True)
            rows = await self._session.exec(query)
            found |= {row.id: _session_of(row).runs_out_at(lifetimes) for row in rows}
        return len(await self._end(update(SessionRow).where(col(SessionRow.id).in_(found)), "ran out", at, found))

    async def _end(
        self, which: Update, because: str, at: datetime, ran_out_at: Mapping[str, datetime] = MappingProxyType({})
    ) -> list[SessionId]:
        """End those of the sessions that have not ended, each with an entry of the audit trail. Gives their ids."""
        query = which.where(col(SessionRow.ended_at).is_(None)).values(ended_at=at, ended_because=because)
        ended = (await self._session.exec(query.returning(col(SessionRow.id), col(SessionRow.user_id)))).all()
        for session_id, user_id in ended:
            ran_out = ran_out_at.get(session_id)
            detail = {"because": because} | ({"ran_out_at": ran_out.isoformat()} if ran_out else {})
            self._audit.record("signed_out", at, user_id=UserId(user_id), object_id=session_id, detail=detail)
        return [SessionId(session_id) for session_id, _ in ended]

    async def end_beyond(
        self, user_id: UserId, keep: int, because: str, at: datetime, lifetimes: Lifetimes
    ) -> list[SessionId]:
        """End the sessions that were used longest ago, so that `keep` are left at most. Gives the ids of the ended.

        A session that has run out has no place: a browser's many would push out the app, which is used less often.
        """
        lasts = or_(*(_lasts(client, lifetimes, at) for client in SessionClient))
        kept = (
            select(SessionRow.id)
            .where(SessionRow.user_id == user_id, col(SessionRow.ended_at).is_(None), lasts)
            .order_by(col(SessionRow.last_seen_at).desc(), col(SessionRow.id).desc())
            .limit(keep)
        )
        beyond = (col(SessionRow.user_id) == user_id, lasts, col(SessionRow.id).not_in(kept))
        return await self._end(update(SessionRow).where(*beyond), because, at)

    async def end_all(self, user_id: UserId, because: str, at: datetime) -> list[SessionId]:
        """End every session of the user. Gives the ids of those that this call ended."""
        return await self._end(update(SessionRow).where(col(SessionRow.user_id) == user_id), because, at)


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

    async def by_code(self, code_hash: str) -> LoginAttempt | None:
        """The attempt that this one-time code was given for, used or not."""
        query = select(LoginAttemptRow).where(LoginAttemptRow.code_hash == code_hash)
        row = (await self._session.exec(query)).first()
        return _attempt_of(row) if row else None

    async def save_session(self, attempt_id: str, session_id: SessionId) -> None:
        """Store which sign-in an app's code has opened, so that it ends where the code comes again."""
        row = update(LoginAttemptRow).where(col(LoginAttemptRow.id) == attempt_id)
        await self._session.exec(row.values(session_id=session_id))

    async def use_code(self, attempt_id: str, at: datetime) -> bool:
        """Mark the one-time code as used; False where it was used before."""
        used = await self._session.exec(
            update(LoginAttemptRow)
            .where(col(LoginAttemptRow.id) == attempt_id, col(LoginAttemptRow.code_used_at).is_(None))
            .values(code_used_at=at)
        )
        return changed_one(used)
