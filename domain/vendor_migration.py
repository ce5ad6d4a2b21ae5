"""Vendor migrations: a share of new users goes to the new vendor, and existing customers who consented are moved."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.errors import InvalidState
from domain.ids import VendorMigrationId


class StopReason(StrEnum):
    """Why a migration moves no more users."""

    ERROR_BUDGET = "ERROR_BUDGET"
    REVERTED = "REVERTED"


@dataclass(frozen=True, slots=True)
class VendorMigration:
    """The migration of one port between two vendors, shared by all processes; unique per port and pair of vendors.

    It exists before an operator has started it: new users may go to the new vendor, and customers may consent. A
    stopped migration sends no user to the new vendor. Users who were moved before stay there, unless it is reverted.
    """

    id: VendorMigrationId
    port: str
    from_vendor: str
    to_vendor: str
    began_at: datetime
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    stopped_because: StopReason | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether the migration moves no more users."""
        return self.stopped_at is not None

    @property
    def moves_customers(self) -> bool:
        """Whether customers who consent are moved: an operator has started the migration, and it is not stopped."""
        return self.started_at is not None and not self.is_stopped


@dataclass(frozen=True, slots=True)
class VendorCustomer:
    """A user as a vendor knows them; `reference` is the vendor's id of the user."""

    vendor: str
    reference: str


@dataclass(frozen=True, slots=True)
class CustomerMigration:
    """A migration as one customer sees it: when the customer consented, and when the move was done."""

    migration: VendorMigration
    consented_at: datetime | None = None
    moved_at: datetime | None = None

    def require_not_moved(self) -> None:
        """Raises InvalidState where the customer was moved: taking the consent back moves no customer back."""
        if self.moved_at is not None:
            raise InvalidState("You have been moved already.", field=("input", "id"), text="MOVED_ALREADY")


@dataclass(frozen=True, slots=True)
class MigrationCounts:
    """How many customers are still with the old vendor, how many of them consented, and how many were moved.

    `plans` is how many subscriptions still run at the old vendor: a plan ends where it began.
    """

    at_old_vendor: int
    willing: int
    moved: int
    plans: int
