from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.bank import BankReturnRow, ConsentRow
from db.tables.payment import PaymentRow
from db.updates import changed_one
from domain import ids
from domain.bank_return import COUNTS_FOR, BankVisit
from domain.ids import ConsentId, PaymentId, UserId
from domain.payment import Rail


@dataclass(frozen=True, slots=True)
class KeptReturn:
    """What is kept of a return, and for which visit. `query_encrypted` is None once it was taken."""

    user_id: UserId
    subject_id: str
    query_encrypted: str | None
    expires_at: datetime


class BankReturnQueries:
    """Visits to banks' pages, and what browsers brought back from them. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def visit(
        self, now: datetime, *, state_hash: str | None = None, subject_id: str | None = None
    ) -> BankVisit | None:
        """The visit that was begun with this state, or to this consent or payment, of any user."""
        if subject_id is None or ids.is_id(subject_id, ids.CONSENT):
            is_it = ConsentRow.id == subject_id if subject_id else ConsentRow.state_hash == state_hash
            consent = (await self._session.exec(select(ConsentRow).where(is_it))).first()
            if consent is not None:
                names = (("bankLink", consent.bank_link_id),)
                is_open = now < consent.created_at + COUNTS_FOR
                subject, user_id = ConsentId(consent.id), UserId(consent.user_id)
                return BankVisit(user_id, subject, consent.return_to, names, consent.begun_in_app, is_open)
        is_it = PaymentRow.id == subject_id if subject_id else PaymentRow.state_hash == state_hash
        # A card payment has a state, too, and no bank that could be asked.
        query = select(PaymentRow).where(is_it, PaymentRow.rail == Rail.BANK)
        row = (await self._session.exec(query)).first()
        if row is None:
            return None
        return BankVisit(
            UserId(row.user_id), PaymentId(row.id), row.return_to, (("payment", row.id),), row.begun_in_app
        )

    def keep(self, visit: BankVisit, *, token_hash: str, query_encrypted: str, expires_at: datetime) -> None:
        """Keep what a browser brought back, for the user who began the visit."""
        row = BankReturnRow(
            token_hash=token_hash,
            user_id=visit.user_id,
            subject_id=visit.subject_id,
            query_encrypted=query_encrypted,
            expires_at=expires_at,
        )
        self._session.add(row)

    async def kept(self, token_hash: str) -> KeptReturn | None:
        """What is kept under a one-time code, taken or not, of any user."""
        row = await self._session.get(BankReturnRow, token_hash)
        return KeptReturn(UserId(row.user_id), row.subject_id, row.query_encrypted, row.expires_at) if row else None

    async def take(self, token_hash: str, at: datetime) -> bool:
        """Empty what is kept, since somebody has come for it; False where it was taken before."""
        row = update(BankReturnRow).where(
            col(BankReturnRow.token_hash) == token_hash, col(BankReturnRow.taken_at).is_(None)
        )
        return changed_one(await self._session.exec(row.values(taken_at=at, query_encrypted=None)))

    async def kept_until(self, consent_id: ConsentId) -> datetime | None:
        """Until when the last untaken return from a consent's page is kept; None where there is none."""
        query = (
            select(BankReturnRow.expires_at)
            .where(BankReturnRow.subject_id == consent_id, col(BankReturnRow.taken_at).is_(None))
            .order_by(col(BankReturnRow.expires_at).desc())
            .limit(1)
        )
        return (await self._session.exec(query)).first()
