"""Vendor migrations: one state for all processes, customers' consents, an automatic stop, and the way back."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.ids import new_id
from db.unit_of_work import Queries, Read, UnitOfWork, Work, retry_on_stale
from domain import ids
from domain.alert import Severity
from domain.clock import Clock
from domain.errors import DatabaseAway, NotFound
from domain.ids import UserId, VendorMigrationId
from domain.job import Job
from domain.vendor_migration import CustomerMigration, MigrationCounts, StopReason, VendorMigration
from providers.calling.error_budget import ErrorBudget, SpentBudgets
from providers.card_payments.port import CardPaymentsProvider
from providers.vendors import Vendors
from services.incidents import Incidents
from services.payments.card_vendor import PORT
from services.payments.customers import DeleteCustomer

_LOOK_EVERY_S: Final = 1.0
_AT_ONCE: Final = 100
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MoveCustomers(Job):
    """Queue the migration of a page of the customers who consented; `after` is the last user of the page before it."""

    kind: ClassVar[str] = "move_customers"
    move_id: VendorMigrationId
    after: str

    @property
    def row_id(self) -> str:
        return self.move_id


@dataclass(frozen=True, slots=True)
class MoveCustomer(Job):
    """Make a customer who consented at the new vendor."""

    kind: ClassVar[str] = "move_customer"
    move_id: VendorMigrationId
    user_id: UserId

    @property
    def row_id(self) -> str:
        return self.move_id


@dataclass(frozen=True, slots=True)
class Direction:
    """A migration as the settings ask for it. Once `budget` is spent, this process sends no user to the target."""

    from_vendor: str
    to_vendor: str
    share: int
    budget: ErrorBudget


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """Where a migration stands. `counts` are of customers, None for a port that has no customers."""

    migration: VendorMigration
    share: int
    counts: MigrationCounts | None


class VendorMigrations:
    """Starts, stops, reverts and reports migrations. `directions` are by port, for ports with a migration alone."""

    def __init__(
        self,
        work: Work,
        read: Read,
        directions: Mapping[str, Direction],
        vendors: Vendors[CardPaymentsProvider],
        spent: SpentBudgets,
        incidents: Incidents,
        clock: Clock,
    ) -> None:
        self._work = work
        self._read = read
        self._directions = directions
        self._vendors = vendors
        self._incidents = incidents
        self._clock = clock
        self._spent = spent

    async def run(self) -> None:
        """Share with the other processes which migrations are stopped, every second, until cancelled."""
        while self._directions:
            try:
                await self.agree()
            except (DatabaseAway, SQLAlchemyError):
                _log.exception("vendor_migrations_not_read")  # the database is away: the next look tries again
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._spent.wait()

    async def agree(self) -> None:
        """Store the budgets that were spent in this process, and read those of all others. Begins new migrations."""
        for port, direction in self._directions.items():
            if port in self._spent:
                self._alert_spent(port)
                await self._stop(await self._migration(port), StopReason.ERROR_BUDGET)
                self._spent.discard(port)
            direction.budget.agree(is_spent=(await self._migration(port)).is_stopped)

    async def report(self, port: str) -> MigrationReport:
        """Where the migration stands. Raises NotFound where the port is not being moved."""
        migration = await self._migration(port)
        counts = None
        if port == PORT:
            async with self._read() as read:
                counts = await read.vendor_migrations.counts(migration)
        return MigrationReport(migration, self._directions[port].share, counts)

    async def start(self, port: str) -> MigrationReport:
        """Start or resume a migration; jobs move the customers who consented. Safe to repeat. Raises NotFound."""
        migration, now = await self._migration(port), self._clock.now()
        async with self._work() as work:
            if await work.vendor_migrations.resume(migration.id):
                self._audit(work, migration, "resumed")
            if port == PORT:
                await work.vendor_migrations.start(migration.id, now)
                work.jobs.enqueue(MoveCustomers(migration.id, after=""), now=now)
            await work.commit()
        await self.agree()
        return await self.report(port)

    async def revert(self, port: str) -> tuple[MigrationReport, int]:
        """Stop a migration and move its users back. Gives how many users were moved back. Raises NotFound.

        Payments and plans end where they began.
        """
        migration = await self._migration(port)
        async with self._work() as work:
            await work.vendor_migrations.held(migration.id)
            await work.vendor_migrations.stop(migration.id, StopReason.REVERTED, self._clock.now())
            count = await work.vendor_migrations.take_back(migration)
            self._audit(work, migration, "reverted", customers=count)
            await work.commit()
        await self.agree()
        return await self.report(port), count

    async def of_user(self, user_id: UserId) -> Sequence[CustomerMigration]:
        """The migrations that ask for the user's consent, and those in which the user was moved."""
        async with self._read() as read:
            return await self._shown(read, user_id)

    async def consent(self, user_id: UserId, move_id: VendorMigrationId) -> CustomerMigration:
        """Store the user's consent; a migration that has been started moves the customer now. Safe to repeat.

        Raises NotFound.
        """
        now = self._clock.now()
        async with self._work() as work:
            customer = await self._owned(work, user_id, move_id)
            if customer.consented_at is None:
                await work.vendor_migrations.set_consent(move_id, user_id, now)
                if customer.migration.moves_customers:
                    work.jobs.enqueue(MoveCustomer(move_id, user_id), now=now)
                self._audit(work, customer.migration, "consented", user_id)
                await work.commit()
            return await self._owned(work, user_id, move_id)

    async def withdraw_consent(self, user_id: UserId, move_id: VendorMigrationId) -> CustomerMigration:
        """Withdraw the consent, until the customer has been moved. Safe to repeat. Raises NotFound, InvalidState."""
        async with self._work() as work:
            await self._owned(work, user_id, move_id)
            # The migration's row is locked, so that no customer is moved between this read and the change.
            await work.vendor_migrations.held(move_id)
            customer = await self._owned(work, user_id, move_id)
            customer.require_not_moved()
            if customer.consented_at is not None:
                await work.vendor_migrations.set_consent(move_id, user_id, None)
                self._audit(work, customer.migration, "consent_withdrawn", user_id)
                await work.commit()
            return await self._owned(work, user_id, move_id)

    async def move_customers(self, move_id: VendorMigrationId, after: str) -> None:
        """Queue a job for each customer of a page, and a job for the next page. Safe to repeat."""
        now = self._clock.now()
        async with self._work() as work:
            migration = await work.vendor_migrations.get(move_id)
            if migration is None or migration.is_stopped:
                return
            found = await work.vendor_migrations.willing(migration, after, _AT_ONCE)
            for user_id in found:
                work.jobs.enqueue(MoveCustomer(move_id, user_id), now=now)
            if len(found) == _AT_ONCE:
                work.jobs.enqueue(MoveCustomers(move_id, after=found[-1]), now=now)
            await work.commit()

    async def move_customer(self, move_id: VendorMigrationId, user_id: UserId) -> None:
        """Make the customer at the new vendor, then pin the user to it. Safe to repeat. Raises Unavailable."""
        async with self._read() as read:
            migration = await read.vendor_migrations.get(move_id)
            if (
                migration is None
                or migration.is_stopped
                or not await read.vendor_migrations.is_willing(migration, user_id)
            ):
                return
            user = await read.users.get(user_id)
            known = dict(await read.vendor_migrations.references_of(user_id, migration.port)).get(migration.to_vendor)
        assert user is not None
        vendor = self._vendors[migration.to_vendor]
        reference = known or await vendor.create_customer(user_id, user.name, user.created_at)
        async with self._work() as work:
            migration = await work.vendor_migrations.held(move_id)
            await self._pin(work, migration, user_id, reference)
            await work.commit()

    async def _pin(self, work: UnitOfWork, migration: VendorMigration, user_id: UserId, reference: str) -> None:
        now = self._clock.now()
        if not await work.users.is_here(user_id):
            work.jobs.enqueue(DeleteCustomer(migration.to_vendor, reference), now=now)
            return
        await work.vendor_migrations.keep_reference(migration, user_id, reference)
        if not migration.is_stopped and await work.vendor_migrations.is_willing(migration, user_id):
            await work.vendor_migrations.move_pin(migration, user_id, now)
            self._audit(work, migration, "customer_moved", user_id)

    async def _shown(self, queries: Queries, user_id: UserId) -> Sequence[CustomerMigration]:
        going = {(port, direction.from_vendor, direction.to_vendor) for port, direction in self._directions.items()}
        found = await queries.vendor_migrations.of_user(user_id)
        return [
            customer
            for customer in found
            if customer.moved_at or (not customer.migration.is_stopped and _direction_of(customer.migration) in going)
        ]

    async def _owned(self, queries: Queries, user_id: UserId, move_id: VendorMigrationId) -> CustomerMigration:
        for customer in await self._shown(queries, user_id):
            if customer.migration.id == move_id:
                return customer
        raise NotFound("There is no such move of yours.", field=("input", "id"))

    async def _migration(self, port: str) -> VendorMigration:
        direction = self._directions.get(port)
        if direction is None:
            hint = f"Set {port.upper()}_NEXT_PROVIDER to the vendor that it is to be moved to."
            raise NotFound(f"{port} is not being moved. {hint}", field=("port",))
        async with self._read() as read:
            found = await read.vendor_migrations.between(port, direction.from_vendor, direction.to_vendor)
        return found if found is not None else await retry_on_stale(lambda: self._begin(port, direction))

    async def _begin(self, port: str, direction: Direction) -> VendorMigration:
        now = self._clock.now()
        async with self._work() as work:
            found = await work.vendor_migrations.between(port, direction.from_vendor, direction.to_vendor)
            if found is not None:
                return found
            migration = VendorMigration(
                VendorMigrationId(new_id(ids.VENDOR_MIGRATION, now)),
                port,
                direction.from_vendor,
                direction.to_vendor,
                now,
            )
            await work.vendor_migrations.add(migration)
            self._audit(work, migration, "began")
            await work.commit()
        return migration

    async def _stop(self, migration: VendorMigration, because: StopReason) -> None:
        if migration.is_stopped:
            return
        async with self._work() as work:
            await work.vendor_migrations.stop(migration.id, because, self._clock.now())
            self._audit(work, migration, "stopped", because=because)
            await work.commit()

    def _alert_spent(self, port: str) -> None:
        vendor = self._directions[port].to_vendor
        message = f"{port}: too many calls of {vendor} fail, so new users stay with the vendor before it"
        self._incidents.alert(Severity.CRITICAL, "Move to a new vendor stopped", message)

    def _audit(
        self, work: UnitOfWork, migration: VendorMigration, what: str, user_id: UserId | None = None, **detail: Any
    ) -> None:
        detail = {"port": migration.port, "from": migration.from_vendor, "to": migration.to_vendor, **detail}
        work.audit.record(
            f"vendor_move_{what}", self._clock.now(), user_id=user_id, object_id=migration.id, detail=detail
        )


def _direction_of(migration: VendorMigration) -> tuple[str, str, str]:
    return migration.port, migration.from_vendor, migration.to_vendor
