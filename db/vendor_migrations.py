from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, update
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.plan import PlanSubscriptionRow
from db.tables.provider import ProviderPinRow, VendorMigrationConsentRow, VendorMigrationRow
from db.updates import changed_one
from domain.ids import UserId, VendorMigrationId
from domain.plan import PlanStatus
from domain.vendor_migration import CustomerMigration, MigrationCounts, StopReason, VendorMigration


def _migration_of(row: VendorMigrationRow) -> VendorMigration:
    return VendorMigration(
        id=VendorMigrationId(row.id),
        port=row.port,
        from_vendor=row.from_vendor,
        to_vendor=row.to_vendor,
        began_at=row.began_at,
        started_at=row.started_at,
        stopped_at=row.stopped_at,
        stopped_because=StopReason(row.stopped_because) if row.stopped_because else None,
    )


def _is_at_old_vendor(migration: VendorMigration) -> ColumnElement[bool]:
    return and_(col(ProviderPinRow.port) == migration.port, col(ProviderPinRow.vendor) == migration.from_vendor)


class VendorMigrationQueries:
    """Vendor migrations and customers' consents to them, shared by all processes. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def between(self, port: str, from_vendor: str, to_vendor: str) -> VendorMigration | None:
        query = select(VendorMigrationRow).where(
            VendorMigrationRow.port == port,
            VendorMigrationRow.from_vendor == from_vendor,
            VendorMigrationRow.to_vendor == to_vendor,
        )
        row = (await self._session.exec(query)).first()
        return _migration_of(row) if row else None

    async def all(self) -> list[VendorMigration]:
        """Every migration, the oldest first; there is one per port and pair of vendors."""
        rows = await self._session.exec(select(VendorMigrationRow).order_by(col(VendorMigrationRow.id)))
        return [_migration_of(row) for row in rows]

    async def get(self, migration_id: VendorMigrationId) -> VendorMigration | None:
        row = await self._session.get(VendorMigrationRow, migration_id)
        return _migration_of(row) if row else None

    async def held(self, migration_id: VendorMigrationId) -> VendorMigration:
        """The migration, locked until the transaction ends, so that no customer is moved while it is being stopped."""
        query = select(VendorMigrationRow).where(VendorMigrationRow.id == migration_id).with_for_update()
        return _migration_of((await self._session.exec(query.execution_options(populate_existing=True))).one())

    async def add(self, migration: VendorMigration) -> None:
        """Raises IntegrityError where another process was first."""
        row = VendorMigrationRow(
            id=migration.id,
            port=migration.port,
            from_vendor=migration.from_vendor,
            to_vendor=migration.to_vendor,
            began_at=migration.began_at,
        )
        self._session.add(row)
        await self._session.flush()

    async def stop(self, migration_id: VendorMigrationId, because: StopReason, at: datetime) -> None:
        """Stop the migration for every process."""
        await self._session.exec(
            update(VendorMigrationRow)
            .where(col(VendorMigrationRow.id) == migration_id)
            .values(stopped_at=at, stopped_because=because)
        )

    async def start(self, migration_id: VendorMigrationId, at: datetime) -> None:
        """Record that an operator has started the migration. A repeat keeps the first time."""
        await self._session.exec(
            update(VendorMigrationRow)
            .where(col(VendorMigrationRow.id) == migration_id, col(VendorMigrationRow.started_at).is_(None))
            .values(started_at=at)
        )

    async def resume(self, migration_id: VendorMigrationId) -> bool:
        """False where it was not stopped."""
        resumed = await self._session.exec(
            update(VendorMigrationRow)
            .where(col(VendorMigrationRow.id) == migration_id, col(VendorMigrationRow.stopped_at).is_not(None))
            .values(stopped_at=None, stopped_because=None)
        )
        return changed_one(resumed)

    async def of_user(self, user_id: UserId) -> list[CustomerMigration]:
        """The migrations that may move the user's customer or have moved it, oldest first; there are few vendors."""
        pin = aliased(ProviderPinRow)
        query = (
            select(VendorMigrationRow, VendorMigrationConsentRow)
            .join(
                pin,
                and_(
                    col(pin.user_id) == user_id,
                    col(pin.port) == VendorMigrationRow.port,
                    col(pin.vendor).in_((VendorMigrationRow.from_vendor, VendorMigrationRow.to_vendor)),
                ),
            )
            .outerjoin(
                VendorMigrationConsentRow,
                and_(
                    col(VendorMigrationConsentRow.move_id) == VendorMigrationRow.id,
                    col(VendorMigrationConsentRow.user_id) == user_id,
                ),
            )
            .where(
                (col(pin.vendor) == VendorMigrationRow.from_vendor)
                | col(VendorMigrationConsentRow.moved_at).is_not(None)
            )
            .order_by(col(VendorMigrationRow.id))
            .limit(100)
        )
        return [
            CustomerMigration(_migration_of(migration), consent.given_at, consent.moved_at)
            if consent
            else CustomerMigration(_migration_of(migration))
            for migration, consent in await self._session.exec(query)
        ]

    async def set_consent(self, migration_id: VendorMigrationId, user_id: UserId, at: datetime | None) -> None:
        """Record when the customer consented; None takes the consent back."""
        (await self._row(migration_id, user_id)).given_at = at
        await self._session.flush()

    async def _row(self, migration_id: VendorMigrationId, user_id: UserId) -> VendorMigrationConsentRow:
        row = await self._session.get(VendorMigrationConsentRow, (migration_id, user_id))
        if row is None:
            row = VendorMigrationConsentRow(move_id=migration_id, user_id=user_id)
            self._session.add(row)
        return row

    async def willing(self, migration: VendorMigration, after: str, limit: int) -> Sequence[UserId]:
        """Customers who consented and are still with the old vendor, by id from `after` on."""
        query = (
            select(VendorMigrationConsentRow.user_id)
            .join(ProviderPinRow, col(ProviderPinRow.user_id) == VendorMigrationConsentRow.user_id)
            .where(
                VendorMigrationConsentRow.move_id == migration.id,
                col(VendorMigrationConsentRow.given_at).is_not(None),
                _is_at_old_vendor(migration),
                VendorMigrationConsentRow.user_id > after,
            )
            .order_by(col(VendorMigrationConsentRow.user_id))
            .limit(limit)
        )
        return [UserId(user_id) for user_id in await self._session.exec(query)]

    async def is_willing(self, migration: VendorMigration, user_id: UserId) -> bool:
        """Whether the customer consented and is still with the old vendor."""
        row = await self._session.get(VendorMigrationConsentRow, (migration.id, user_id))
        pin = await self._session.get(ProviderPinRow, (user_id, migration.port))
        is_there = pin is not None and pin.vendor == migration.from_vendor
        return is_there and row is not None and row.given_at is not None

    async def keep_reference(self, migration: VendorMigration, user_id: UserId, reference: str) -> None:
        """Store the new vendor's id of the customer: a repeated move finds it, and it is deleted with the account."""
        (await self._row(migration.id, user_id)).to_reference = reference
        await self._session.flush()

    async def move_pin(self, migration: VendorMigration, user_id: UserId, at: datetime) -> None:
        """Pin the customer to the new vendor, whose id must have been stored with `keep_reference`."""
        pin = await self._session.get_one(ProviderPinRow, (user_id, migration.port))
        row = await self._session.get_one(VendorMigrationConsentRow, (migration.id, user_id))
        assert row.to_reference is not None
        row.from_reference, row.moved_at = pin.reference, at
        pin.vendor, pin.reference = migration.to_vendor, row.to_reference
        await self._session.flush()

    async def take_back(self, migration: VendorMigration) -> int:
        """Pin every customer whom this migration moved to the old vendor again. Gives how many."""
        consent = VendorMigrationConsentRow
        is_taken = and_(col(consent.move_id) == migration.id, col(consent.moved_at).is_not(None))
        before = (
            select(consent.from_reference)
            .where(is_taken, col(consent.user_id) == ProviderPinRow.user_id)
            .scalar_subquery()
        )
        taken = select(consent.user_id).where(is_taken)
        is_there = and_(
            col(ProviderPinRow.port) == migration.port,
            col(ProviderPinRow.vendor) == migration.to_vendor,
            col(ProviderPinRow.user_id).in_(taken),
        )
        back = await self._session.exec(
            update(ProviderPinRow).where(is_there).values(vendor=migration.from_vendor, reference=before)
        )
        await self._session.exec(update(consent).where(is_taken).values(moved_at=None))
        return back.rowcount

    async def references_of(self, user_id: UserId, port: str) -> list[tuple[str, str]]:
        """Vendor and customer id of every customer that migrations left behind or made for the user."""
        query = (
            select(VendorMigrationRow, VendorMigrationConsentRow)
            .join(VendorMigrationConsentRow, col(VendorMigrationConsentRow.move_id) == VendorMigrationRow.id)
            .where(VendorMigrationConsentRow.user_id == user_id, VendorMigrationRow.port == port)
        )
        found = []
        for migration, consent in await self._session.exec(query):
            sides = ((migration.from_vendor, consent.from_reference), (migration.to_vendor, consent.to_reference))
            found += [(vendor, reference) for vendor, reference in sides if reference is not None]
        return found

    async def counts(self, migration: VendorMigration) -> MigrationCounts:
        """How far the migration has come, over all customers."""
        pins = select(func.count()).select_from(ProviderPinRow).where(_is_at_old_vendor(migration))
        consents = VendorMigrationConsentRow
        of_migration = col(consents.move_id) == migration.id
        willing = (
            select(func.count())
            .select_from(consents)
            .join(ProviderPinRow, col(ProviderPinRow.user_id) == consents.user_id)
            .where(of_migration, col(consents.given_at).is_not(None), _is_at_old_vendor(migration))
        )
        moved = select(func.count()).select_from(consents).where(of_migration, col(consents.moved_at).is_not(None))
        plans = (
            select(func.count())
            .select_from(PlanSubscriptionRow)
            .where(PlanSubscriptionRow.vendor == migration.from_vendor, PlanSubscriptionRow.status != PlanStatus.ENDED)
        )
        numbers = [(await self._session.exec(query)).one() for query in (pins, willing, moved, plans)]
        return MigrationCounts(*numbers)
