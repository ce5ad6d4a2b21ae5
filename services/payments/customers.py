"""The card vendor's customer of a user: made once, and the user then stays with that vendor."""

from dataclasses import dataclass
from typing import ClassVar

from db.unit_of_work import Queries, Read, UnitOfWork, Work, retry_on_stale
from domain.clock import Clock
from domain.ids import UserId
from domain.job import Job
from providers.card_payments.port import CardPaymentsProvider
from providers.vendors import Vendors
from services.payments.card_vendor import PORT


@dataclass(frozen=True, slots=True)
class CreateCustomer(Job):
    """Make the card vendor's customer of a user who has just registered."""

    kind: ClassVar[str] = "create_card_customer"
    user_id: UserId


@dataclass(frozen=True, slots=True)
class DeleteCustomer(Job):
    """Delete a customer at the card vendor. `reference` is the vendor's id of the customer."""

    kind: ClassVar[str] = "delete_card_customer"
    vendor: str
    reference: str


class Customers:
    """The card vendor's customer of each user: made once, and pinned to the vendor that holds it."""

    def __init__(self, work: Work, read: Read, vendors: Vendors[CardPaymentsProvider], clock: Clock) -> None:
        self._work = work
        self._read = read
        self._vendors = vendors
        self._clock = clock

    async def vendor_of(self, queries: Queries, user_id: UserId) -> str:
        """The vendor that holds the user's customer, or the vendor of new customers if there is none."""
        pin = await queries.pins.get(user_id, PORT)
        return pin.vendor if pin is not None else self._vendors.for_user(user_id)

    async def ensure(self, user_id: UserId, vendor: str) -> str:
        """Make the user's customer at the vendor if there is none. Gives its id. Safe to repeat. Raises Unavailable."""
        async with self._read() as read:
            for known, reference in await self._known(read, user_id):
                if known == vendor:
                    return reference
            user = await read.users.get(user_id)
        assert user is not None
        reference = await self._vendors[vendor].create_customer(user_id, user.name, user.created_at)
        await retry_on_stale(lambda: self._pin(user_id, vendor, reference))
        return reference

    async def at(self, user_id: UserId, vendor: str) -> str | None:
        """The vendor's id of the user's customer; None where the vendor has none."""
        async with self._read() as read:
            return dict(await self._known(read, user_id)).get(vendor)

    async def _pin(self, user_id: UserId, vendor: str, reference: str) -> None:
        async with self._work() as work:
            await work.pins.pin(user_id, PORT, vendor=vendor, reference=reference, at=self._clock.now())
            await work.commit()

    async def _known(self, queries: Queries, user_id: UserId) -> list[tuple[str, str]]:
        """Vendor and id of each customer of the user: at the pinned vendor, and at vendors of earlier migrations."""
        pin = await queries.pins.get(user_id, PORT)
        pinned = [(pin.vendor, pin.reference)] if pin is not None else []
        return [*dict.fromkeys(pinned + await queries.vendor_migrations.references_of(user_id, PORT))]

    async def forget(self, work: UnitOfWork, user_id: UserId) -> None:
        """Queue the deletion of a user's customers, within the caller's transaction. The rows are deleted apart."""
        now = self._clock.now()
        for vendor, reference in await self._known(work, user_id):
            work.jobs.enqueue(DeleteCustomer(vendor, reference), now=now)

    async def delete(self, vendor: str, reference: str) -> None:
        """Delete the customer at the vendor. Safe to repeat. Raises Unavailable."""
        await self._vendors[vendor].delete_customer(reference)

    async def create(self, user_id: UserId) -> None:
        """Make the customer of a newly registered user, by a job so that no login waits for the vendor."""
        async with self._read() as read:
            is_here = await read.users.is_here(user_id)
            vendor = await self.vendor_of(read, user_id)
        if is_here:
            await self.ensure(user_id, vendor)
