from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.bank_shapes import ACCOUNT_READ, BANK_LINK
from db.locks import locked
from db.paging import page_by_id
from db.tables.bank import AccountReadRow, BankLinkRow, ConsentAccountRow, ConsentRow
from db.updates import changed_one, save_over
from domain.authorisation import SealedAuthorisation
from domain.bank_return import Redirects
from domain.consent import AccountRead, BankLink, Consent, ConsentStatus
from domain.ids import BankId, BankLinkId, ConsentId, UserId
from domain.page import Keyset

# How many readings of a bank link are shown.
READS_SHOWN: Final = 10


def _authorisation_of(encrypted: bytes | None, expires_at: datetime | None) -> SealedAuthorisation | None:
    return SealedAuthorisation(encrypted=encrypted, expires_at=expires_at) if encrypted else None


def consent_of(row: ConsentRow) -> Consent:
    return Consent(
        id=ConsentId(row.id),
        user_id=UserId(row.user_id),
        bank_link_id=BankLinkId(row.bank_link_id),
        vendor=row.vendor,
        created_at=row.created_at,
        valid_until=row.valid_until,
        status=ConsentStatus(row.status),
        vendor_consent_id=row.vendor_consent_id,
        text_version=row.text_version,
        authorisation=_authorisation_of(row.authorisation_encrypted, row.authorisation_expires_at),
        awaits_return=row.has_page and row.returned_at is None,
        version=row.version,
    )


class BankLinkQueries:
    """Users' links to banks, and the day's reads of each. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, user_id: UserId, keyset: Keyset) -> list[BankLink]:
        """Oldest first. With `backwards` the last ones of the range, newest first."""
        query = select(BankLinkRow).where(BankLinkRow.user_id == user_id)
        query = page_by_id(query, col(BankLinkRow.id), keyset, newest_first=False)
        return [BANK_LINK.of(row) for row in await self._session.exec(query)]

    async def count(self, user_id: UserId) -> int:
        query = select(func.count()).where(BankLinkRow.user_id == user_id)
        return (await self._session.exec(query)).one()

    async def by_ids(self, user_id: UserId, ids: Sequence[BankLinkId]) -> list[BankLink]:
        query = select(BankLinkRow).where(BankLinkRow.user_id == user_id, col(BankLinkRow.id).in_(ids))
        return [BANK_LINK.of(row) for row in await self._session.exec(query)]

    async def get(self, user_id: UserId, bank_link_id: BankLinkId) -> BankLink | None:
        query = select(BankLinkRow).where(BankLinkRow.user_id == user_id, BankLinkRow.id == bank_link_id)
        row = (await self._session.exec(locked(self._session, query))).first()
        return BANK_LINK.of(row) if row else None

    async def at_bank(self, user_id: UserId, bank_id: BankId) -> BankLink | None:
        query = select(BankLinkRow).where(BankLinkRow.user_id == user_id, BankLinkRow.bank_id == bank_id)
        row = (await self._session.exec(query)).first()
        return BANK_LINK.of(row) if row else None

    async def add(self, bank_link: BankLink) -> None:
        """Raises IntegrityError where the user has a bank link to this bank already."""
        row = BankLinkRow(
            id=bank_link.id,
            user_id=bank_link.user_id,
            bank_id=bank_link.bank_id,
            vendor=bank_link.vendor,
            status=bank_link.status,
            created_at=bank_link.created_at,
        )
        self._session.add(row)
        await self._session.flush()

    async def save(self, before: BankLink, after: BankLink) -> None:
        """Write the new state over the version that was read. Raises StaleVersion."""
        await save_over(
            self._session,
            BankLinkRow,
            before,
            after,
            status=after.status,
            vendor=after.vendor,
            expires_at=after.expires_at,
            ended_because=after.ended_because,
            unreadable_accounts=after.unreadable_accounts,
        )

    async def lock(self, user_id: UserId, bank_link_id: BankLinkId) -> None:
        """Lock the bank link until the transaction ends, so that two requests cannot both use the day's last read."""
        query = select(BankLinkRow.id).where(BankLinkRow.user_id == user_id, BankLinkRow.id == bank_link_id)
        await self._session.exec(query.with_for_update(key_share=True))

    async def record_read(self, read_id: str, bank_link_id: BankLinkId, read: AccountRead, day: date) -> None:
        """Count a read of the bank link on an Oslo date."""
        row = AccountReadRow(id=read_id, bank_link_id=bank_link_id, at=read.at, day=day, is_attended=read.is_attended)
        self._session.add(row)
        await self._session.flush()

    async def unattended_reads(self, bank_link_ids: Sequence[BankLinkId], day: date) -> dict[BankLinkId, int]:
        """How many reads without the user each bank link had on an Oslo date."""
        query = (
            select(AccountReadRow.bank_link_id, func.count())
            .where(
                col(AccountReadRow.bank_link_id).in_(bank_link_ids),
                AccountReadRow.day == day,
                col(AccountReadRow.is_attended).is_(False),
            )
            .group_by(col(AccountReadRow.bank_link_id))
        )
        return {BankLinkId(bank_link): count for bank_link, count in await self._session.exec(query)}

    async def last_reads(self, bank_link_ids: Sequence[BankLinkId]) -> dict[BankLinkId, list[AccountRead]]:
        """The newest ten reads of each bank link, newest first."""
        rank = func.row_number().over(
            partition_by=col(AccountReadRow.bank_link_id),
            order_by=(col(AccountReadRow.at).desc(), col(AccountReadRow.id).desc()),
        )
        ranked = (
            select(col(AccountReadRow.id).label("id"), rank.label("rank"))
            .where(col(AccountReadRow.bank_link_id).in_(bank_link_ids))
            .subquery()
        )
        query = (
            select(AccountReadRow)
            .join(ranked, ranked.c.id == col(AccountReadRow.id))
            .where(ranked.c.rank <= READS_SHOWN)
            .order_by(ranked.c.rank)
        )
        reads: dict[BankLinkId, list[AccountRead]] = {}
        for row in await self._session.exec(query):
            reads.setdefault(BankLinkId(row.bank_link_id), []).append(ACCOUNT_READ.of(row))
        return reads


class ConsentQueries:
    """Consents of bank links. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, consent: Consent, redirects: Redirects, *, state_hash: str, device_encrypted: bytes) -> None:
        """Add a consent. `state_hash` and `redirects` bring its user back from the bank's page.

        `device_encrypted` is kept while the consent is awaited.
        """
        row = ConsentRow(
            id=consent.id,
            user_id=consent.user_id,
            bank_link_id=consent.bank_link_id,
            vendor=consent.vendor,
            status=consent.status,
            valid_until=consent.valid_until,
            state_hash=state_hash,
            return_to=redirects.return_to,
            begun_in_app=redirects.in_app,
            device_encrypted=device_encrypted,
            text_version=consent.text_version,
            created_at=consent.created_at,
        )
        self._session.add(row)
        await self._session.flush()

    async def get(self, user_id: UserId, consent_id: ConsentId) -> Consent | None:
        query = select(ConsentRow).where(ConsentRow.user_id == user_id, ConsentRow.id == consent_id)
        row = (await self._session.exec(locked(self._session, query))).first()
        return consent_of(row) if row else None

    async def find(self, consent_id: ConsentId) -> Consent | None:
        """A consent of any user: for what a bank reports alone."""
        row = await self._session.get(ConsentRow, consent_id)
        return consent_of(row) if row else None

    async def device_encrypted(self, consent_id: ConsentId) -> bytes | None:
        """What is kept of the device that asked for the consent, which the caller has read for its user."""
        query = select(ConsentRow.device_encrypted).where(ConsentRow.id == consent_id)
        return (await self._session.exec(query)).first()

    async def has_all_accounts(self, consent_id: ConsentId) -> bool:
        """Whether accounts were read by this consent, and none of its bank link's is left that could not be."""
        query = (
            select(ConsentAccountRow.account_id)
            .join(ConsentRow, col(ConsentRow.id) == col(ConsentAccountRow.consent_id))
            .join(BankLinkRow, col(BankLinkRow.id) == col(ConsentRow.bank_link_id))
            .where(ConsentAccountRow.consent_id == consent_id, BankLinkRow.unreadable_accounts == 0)
            .limit(1)
        )
        return (await self._session.exec(query)).first() is not None

    async def by_vendor_reference(self, vendor: str, our_id: str | None, vendor_id: str | None) -> Consent | None:
        """By our id first, by the vendor's second; of any user, for webhooks alone."""
        for condition in (ConsentRow.id == our_id, ConsentRow.vendor_consent_id == vendor_id):
            row = (await self._session.exec(select(ConsentRow).where(ConsentRow.vendor == vendor, condition))).first()
            if row is not None:
                return consent_of(row)
        return None

    async def of_bank_link(self, bank_link_id: BankLinkId, status: ConsentStatus) -> list[Consent]:
        """Newest first; a bank link has few."""
        query = (
            select(ConsentRow)
            .where(ConsentRow.bank_link_id == bank_link_id, ConsentRow.status == status)
            .order_by(col(ConsentRow.id).desc())
            .limit(20)
        )
        return [consent_of(row) for row in await self._session.exec(query)]

    async def text_versions(self, bank_link_ids: Sequence[BankLinkId]) -> dict[BankLinkId, int]:
        """The version of the text under which each bank link's newest ACTIVE consent was asked for."""
        query = (
            select(ConsentRow.bank_link_id, ConsentRow.text_version)
            .where(col(ConsentRow.bank_link_id).in_(bank_link_ids), ConsentRow.status == ConsentStatus.ACTIVE)
            .order_by(col(ConsentRow.id))
        )
        return {BankLinkId(bank_link): version for bank_link, version in await self._session.exec(query)}

    async def awaited(self, bank_link_ids: Sequence[BankLinkId]) -> dict[BankLinkId, SealedAuthorisation]:
        """What the user must see to give each bank link's newest consent, where it awaits them in the bank's app."""
        newest = (
            select(func.max(ConsentRow.id))
            .where(
                col(ConsentRow.bank_link_id).in_(bank_link_ids),
                ConsentRow.status == ConsentStatus.AWAITING_AUTHORISATION,
            )
            .group_by(col(ConsentRow.bank_link_id))
        )
        query = select(
            ConsentRow.bank_link_id, ConsentRow.authorisation_encrypted, ConsentRow.authorisation_expires_at
        ).where(col(ConsentRow.id).in_(newest))
        found = {BankLinkId(row[0]): _authorisation_of(row[1], row[2]) for row in await self._session.exec(query)}
        return {bank_link: awaited for bank_link, awaited in found.items() if awaited is not None}

    async def is_any_open(self, user_id: UserId) -> bool:
        """Whether a bank may still let Drop read, or be about to."""
        is_open = col(ConsentRow.status).in_([ConsentStatus.AWAITING_AUTHORISATION, ConsentStatus.ACTIVE])
        query = select(ConsentRow.id).where(ConsentRow.user_id == user_id, is_open).limit(1)
        return (await self._session.exec(query)).first() is not None

    async def mark_returned(self, consent_id: ConsentId, at: datetime) -> bool:
        """Record that the user came back from the bank; False where the same return was recorded before."""
        marked = await self._session.exec(
            update(ConsentRow)
            .where(col(ConsentRow.id) == consent_id, col(ConsentRow.returned_at).is_(None))
            .values(returned_at=at)
        )
        return changed_one(marked)

    async def save_reply(self, consent_id: ConsentId, vendor_consent_id: str, valid_until: date) -> None:
        """Store the bank's id and the last day that it granted, whatever the consent's status is by now."""
        await self._session.exec(
            update(ConsentRow)
            .where(col(ConsentRow.id) == consent_id)
            .values(vendor_consent_id=vendor_consent_id, valid_until=valid_until)
        )

    async def expect_return(self, consent_id: ConsentId) -> None:
        """Store that the user gives the consent on a page: it is given once that user is back from there."""
        await self._session.exec(update(ConsentRow).where(col(ConsentRow.id) == consent_id).values(has_page=True))

    async def save_authorisation(self, consent_id: ConsentId, awaited: SealedAuthorisation) -> None:
        """Store what the user must see to give the consent in the bank's app, unless it is awaited no more."""
        await self._session.exec(
            update(ConsentRow)
            .where(col(ConsentRow.id) == consent_id, col(ConsentRow.status) == ConsentStatus.AWAITING_AUTHORISATION)
            .values(authorisation_encrypted=awaited.encrypted, authorisation_expires_at=awaited.expires_at)
        )

    async def save(self, before: Consent, after: Consent) -> None:
        """Write the new state over the version that was read. Raises StaleVersion.

        From where a consent was asked for, and what its user had to see, is forgotten once it is given or over.
        """
        is_awaited = after.status is ConsentStatus.AWAITING_AUTHORISATION
        kept = ("device_encrypted", "authorisation_encrypted", "authorisation_expires_at")
        forgotten: dict[str, object] = {} if is_awaited else dict.fromkeys(kept)
        await save_over(
            self._session,
            ConsentRow,
            before,
            after,
            status=after.status,
            valid_until=after.valid_until,
            **forgotten,
        )
