"""Moving a port from one vendor to another: what is new goes there by share, customers follow who have consented."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.errors import InvalidState
from domain.ids import VendorMigrationId


class StopReason(StrEnum):
    """Why a move takes nobody any more."""

    ERROR_BUDGET = "ERROR_BUDGET"
    REVERTED = "REVERTED"


@dataclass(frozen=True, slots=True)
class VendorMove:
    """One for all processes. Stopped, it sends nobody to the new vendor; whoever is there stays."""

    id: VendorMigrationId
    port: str
    from_vendor: str
    to_vendor: str
    began_at: datetime
    stopped_at: datetime | None = None
    stopped_because: StopReason | None = None

    @property
    def is_stopped(self) -> bool:
        return self.stopped_at is not None


@dataclass(frozen=True, slots=True)
class CustomerMigration:
    """What a move is to one customer."""

    move: VendorMove
    consented_at: datetime | None = None
    moved_at: datetime | None = None

    def require_not_moved(self) -> None:
        """Raises InvalidState: what has been moved is not moved back by taking the consent back."""
        if self.moved_at is not None:
            raise InvalidState("You have been moved already.", field=("input", "id"))


@dataclass(frozen=True, slots=True)
class MigrationCounts:
    """Customers of a move: still with the old vendor, of them willing, and those who were moved.

    `plans` run at the old vendor and end where they began.
    """

    at_old_vendor: int
    willing: int
    moved: int
    plans: int
