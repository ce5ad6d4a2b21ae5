from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.field_encryption import FieldEncryption
from db.locks import locked
from db.paging import page_by_id
from db.sealed import CARDHOLDER_ADDRESS, fields_of
from db.shapes import Shape, each, made
from db.tables.card import CardholderRow, CardRow
from db.updates import save_over
from domain.card import OVER, Card, CardFace, CardFailure, Cardholder, CardStatus, CardType
from domain.ids import CardholderId, CardId, UserId
from domain.page import Keyset
from domain.profile import Address


def cardholder_of(row: CardholderRow, fields: FieldEncryption) -> Cardholder:
    return Cardholder(
        id=CardholderId(row.id),
        user_id=UserId(row.user_id),
        vendor=row.vendor,
        name=row.name,
        address=Address(**CARDHOLDER_ADDRESS.opened(fields, row.id, row.address)),
        created_at=row.created_at,
        vendor_cardholder_id=row.vendor_cardholder_id,
    )


def _face_of(last4: str | None, month: int | None, year: int | None) -> CardFace | None:
    return CardFace(last4, month, year) if last4 is not None and month is not None and year is not None else None


def _failure_of(status: str, code: str | None) -> CardFailure | None:
    # The release before has stored none.
    return CardFailure(code or "") if status == CardStatus.FAILED else None


CARD: Final = Shape(
    Card,
    CardRow,
    {
        **each("id", "user_id", "cardholder_id", "vendor", "created_at", "vendor_card_id", "version"),
        "type": made(CardType, "type"),
        "status": made(CardStatus, "status"),
        "face": made(_face_of, "last4", "expiry_month", "expiry_year"),
        "failure": made(_failure_of, "status", "failure_code"),
    },
)


class CardQueries:
    """Cardholders and their cards. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def cardholder_of(self, user_id: UserId) -> Cardholder | None:
        row = (await self._session.exec(select(CardholderRow).where(CardholderRow.user_id == user_id))).first()
        return cardholder_of(row, fields_of(self._session)) if row else None

    async def add_cardholder(self, cardholder: Cardholder) -> None:
        """Raises IntegrityError where the user has one."""
        row = CardholderRow(
            id=cardholder.id,
            user_id=cardholder.user_id,
            vendor=cardholder.vendor,
            name=cardholder.name,
            address=CARDHOLDER_ADDRESS.sealed(fields_of(self._session), cardholder.id, asdict(cardholder.address)),
            created_at=cardholder.created_at,
        )
        self._session.add(row)
        await self._session.flush()

    async def save_cardholder(self, cardholder_id: CardholderId, reference: str) -> None:
        """Store the issuer's id of the cardholder."""
        await self._session.exec(
            update(CardholderRow).where(col(CardholderRow.id) == cardholder_id).values(vendor_cardholder_id=reference)
        )

    async def page(self, user_id: UserId, keyset: Keyset) -> list[Card]:
        """Newest first. With `backwards` the last ones of the range, oldest first."""
        query = select(CardRow).where(CardRow.user_id == user_id)
        query = page_by_id(query, col(CardRow.id), keyset, newest_first=True)
        return [CARD.of(row) for row in await self._session.exec(query)]

    async def by_ids(self, user_id: UserId, ids: Sequence[CardId]) -> list[Card]:
        query = select(CardRow).where(CardRow.user_id == user_id, col(CardRow.id).in_(ids))
        return [CARD.of(row) for row in await self._session.exec(query)]

    async def get(self, user_id: UserId, card_id: CardId) -> Card | None:
        query = select(CardRow).where(CardRow.user_id == user_id, CardRow.id == card_id)
        row = (await self._session.exec(locked(self._session, query))).first()
        return CARD.of(row) if row else None

    async def is_any_open(self, user_id: UserId) -> bool:
        """Whether a card of the user's works, or is about to."""
        query = select(CardRow.id).where(CardRow.user_id == user_id, col(CardRow.status).not_in(OVER)).limit(1)
        return (await self._session.exec(query)).first() is not None

    async def add(self, card: Card) -> None:
        row = CardRow(
            id=card.id,
            user_id=card.user_id,
            cardholder_id=card.cardholder_id,
            vendor=card.vendor,
            type=card.type,
            status=card.status,
            created_at=card.created_at,
        )
        self._session.add(row)
        await self._session.flush()

    async def save(self, before: Card, after: Card) -> None:
        """Write the new state over the version that was read. Raises StaleVersion."""
        face = after.face
        await save_over(
            self._session,
            CardRow,
            before,
            after,
            status=after.status,
            vendor_card_id=after.vendor_card_id,
            last4=face.last4 if face else None,
            expiry_month=face.expiry_month if face else None,
            expiry_year=face.expiry_year if face else None,
            failure_code=after.failure,
        )
