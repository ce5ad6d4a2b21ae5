from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.document import TrustedDocumentRow
from db.updates import changed_one
from domain.trusted_document import MAX_DOCUMENTS, KeptDocument, TrustedDocument


class TrustedDocumentQueries:
    """The documents that front ends may send. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def state(self) -> tuple[int, datetime | None]:
        """How many there are, and the last push: both stay as they are where no document comes or goes."""
        query = select(func.count(), func.max(TrustedDocumentRow.pushed_at)).select_from(TrustedDocumentRow)
        return (await self._session.exec(query)).one()

    async def characters(self) -> int:
        """How long the texts of all documents are together."""
        return (await self._session.exec(select(func.sum(func.length(TrustedDocumentRow.text))))).one() or 0

    async def all(self) -> list[KeptDocument]:
        """Every document, by name."""
        query = select(TrustedDocumentRow).order_by(TrustedDocumentRow.name, col(TrustedDocumentRow.hash))
        return [_kept(row) for row in await self._session.exec(query.limit(MAX_DOCUMENTS))]

    async def get(self, document_hash: str) -> KeptDocument | None:
        row = await self._session.get(TrustedDocumentRow, document_hash)
        return _kept(row) if row else None

    async def push(self, documents: Sequence[TrustedDocument], at: datetime) -> int:
        """Store those that are new, and count the others as used. Gives how many are new."""
        pushed = {document.hash: document for document in documents}
        stored = col(TrustedDocumentRow.hash).in_(pushed)
        known = set(await self._session.exec(select(TrustedDocumentRow.hash).where(stored)))
        await self._session.exec(update(TrustedDocumentRow).where(stored).values(pushed_at=at, last_used_at=at))
        new = [document for document in pushed.values() if document.hash not in known]
        self._session.add_all(
            TrustedDocumentRow(
                hash=document.hash, name=document.name, text=document.text, pushed_at=at, last_used_at=at
            )
            for document in new
        )
        await self._session.flush()
        return len(new)

    async def remove(self, document_hash: str) -> bool:
        """False where it is not known."""
        query = delete(TrustedDocumentRow).where(col(TrustedDocumentRow.hash) == document_hash)
        return changed_one(await self._session.exec(query))

    async def used(self, hashes: Collection[str], at: datetime) -> None:
        """Record that clients have sent these."""
        query = update(TrustedDocumentRow).where(
            col(TrustedDocumentRow.hash).in_(hashes), col(TrustedDocumentRow.last_used_at) < at
        )
        await self._session.exec(query.values(last_used_at=at))


def _kept(row: TrustedDocumentRow) -> KeptDocument:
    document = TrustedDocument(hash=row.hash, name=row.name, text=row.text)
    return KeptDocument(document, pushed_at=row.pushed_at, last_used_at=row.last_used_at)
