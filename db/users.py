from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import null, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.field_encryption import FieldEncryption
from db.locks import locked
from db.sealed import ADDRESS, EMAIL, NUMBER, PENDING, PHONE, fields_of
from db.tables.user import UserRow
from domain.contact_code import ContactKind, PendingContact
from domain.errors import Unauthenticated
from domain.ids import UserId
from domain.notification import NotificationPreferences
from domain.profile import Address
from domain.user import User


def user_of(row: UserRow, fields: FieldEncryption) -> User:
    address = ADDRESS.opened(fields, row.id, row.address)
    pending = PENDING.opened(fields, row.id, row.pending_contacts)
    return User(
        id=UserId(row.id),
        name=row.name,
        created_at=row.created_at,
        email=EMAIL.opened(fields, row.id, row.email),
        phone=PHONE.opened(fields, row.id, row.phone),
        chosen_locale=row.chosen_locale,
        address=Address(**address) if address else None,
        preferences=NotificationPreferences(**(row.notification_preferences or {})),
        pending={ContactKind(kind): _pending_of(stored) for kind, stored in (pending or {}).items()},
    )


def _pending_of(stored: dict[str, Any]) -> PendingContact:
    return PendingContact(**{**stored, "expires_at": datetime.fromisoformat(stored["expires_at"])})


def _stored(pending: PendingContact) -> dict[str, Any]:
    return {**asdict(pending), "expires_at": pending.expires_at.isoformat()}


class UserQueries:
    """Users and their profiles. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    @property
    def _fields(self) -> FieldEncryption:
        return fields_of(self._session)

    async def get(self, user_id: UserId) -> User | None:
        row = await self._session.get(UserRow, user_id)
        return user_of(row, self._fields) if row else None

    async def hold(self, user_id: UserId) -> None:
        """Lock the user until the transaction ends, before anything new is made for them: nobody leaves meanwhile.

        Whatever else a transaction locks comes after it. Raises Unauthenticated where the user has left.
        """
        query = select(UserRow.id).where(UserRow.id == user_id, col(UserRow.deleted_at).is_(None))
        if (await self._session.exec(locked(self._session, query))).first() is None:
            raise Unauthenticated("The account has been deleted.")

    async def is_here(self, user_id: UserId) -> bool:
        """Whether the user exists and has not deleted the account."""
        query = select(UserRow.id).where(UserRow.id == user_id, col(UserRow.deleted_at).is_(None))
        return (await self._session.exec(query)).first() is not None

    async def of_identity(
        self, issuer: str, subject: str, number_hashes: Sequence[str]
    ) -> tuple[User | None, User | None]:
        """The user of an identity provider's account, and the one whose identity number has one of these keyed hashes.

        Mostly they are the same, in one statement. The account's key is the pair of issuer and subject (OpenID Connect
        Core, 5.7). Nobody who has left has a number.
        """
        is_account = (col(UserRow.issuer) == issuer) & (col(UserRow.subject) == subject)
        is_number = col(UserRow.national_identity_number_hash).in_(number_hashes)
        query = select(UserRow).where(is_account | is_number).order_by(col(UserRow.id))
        rows = (await self._session.exec(locked(self._session, query))).all()
        accounts = [row for row in rows if (row.issuer, row.subject) == (issuer, subject)]
        owners = [row for row in rows if row.national_identity_number_hash in number_hashes]
        return (
            user_of(accounts[0], self._fields) if accounts else None,
            user_of(owners[0], self._fields) if owners else None,
        )

    async def link(self, user_id: UserId, issuer: str, subject: str) -> None:
        """The identity provider's account by which the user signs in from now on."""
        await self._session.exec(
            update(UserRow).where(col(UserRow.id) == user_id).values(issuer=issuer, subject=subject)
        )

    async def keep_number(self, user_id: UserId, number: str, number_hash: str) -> None:
        """The national identity number of a user who had none, or another one."""
        await self._session.exec(
            update(UserRow)
            .where(col(UserRow.id) == user_id)
            .values(
                national_identity_number_encrypted=NUMBER.sealed(self._fields, user_id, number),
                national_identity_number_hash=number_hash,
            )
        )

    async def national_identity_number(self, user_id: UserId) -> str | None:
        """For banks alone."""
        query = select(UserRow.national_identity_number_encrypted).where(UserRow.id == user_id)
        number: str | None = NUMBER.opened(self._fields, user_id, (await self._session.exec(query)).first())
        return number

    async def save(self, user: User) -> None:
        """Write the fields that the user may change. The last write wins: they have no version."""
        pending = {kind.value: _stored(waits) for kind, waits in user.pending.items()}
        await self._session.exec(
            update(UserRow)
            .where(col(UserRow.id) == user.id)
            .values(
                email=EMAIL.sealed(self._fields, user.id, user.email),
                phone=PHONE.sealed(self._fields, user.id, user.phone),
                chosen_locale=user.chosen_locale,
                address=ADDRESS.sealed(self._fields, user.id, asdict(user.address) if user.address else None),
                notification_preferences=asdict(user.preferences),
                pending_contacts=PENDING.sealed(self._fields, user.id, pending) if pending else null(),
                pending_until=max((waits.expires_at for waits in user.pending.values()), default=None),
            )
        )

    async def rename(self, user_id: UserId, name: str) -> None:
        """The name as the identity provider says it; the user cannot change it here."""
        await self._session.exec(update(UserRow).where(col(UserRow.id) == user_id).values(name=name))

    async def add(
        self,
        user: User,
        *,
        issuer: str,
        subject: str,
        national_identity_number: str | None = None,
        national_identity_number_hash: str | None = None,
    ) -> None:
        """Raises IntegrityError where the issuer and subject, or the identity number, belong to a user already."""
        row = UserRow(
            id=user.id,
            issuer=issuer,
            subject=subject,
            name=user.name,
            national_identity_number_encrypted=NUMBER.sealed(self._fields, user.id, national_identity_number),
            national_identity_number_hash=national_identity_number_hash,
            email=EMAIL.sealed(self._fields, user.id, user.email),
            phone=PHONE.sealed(self._fields, user.id, user.phone),
            created_at=user.created_at,
        )
        self._session.add(row)
        await self._session.flush()
