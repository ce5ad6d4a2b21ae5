"""Which adapter serves a vendor."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from domain.errors import Unavailable
from domain.ids import UserId
from providers.calling.error_budget import ErrorBudget

Port = TypeVar("Port")
Port_co = TypeVar("Port_co", covariant=True)


class Vendors(Protocol[Port_co]):
    """A port's adapters by vendor: rows name the vendor that knows them, new ones go to the current one."""

    @property
    def current(self) -> str:
        """The vendor that new rows go to, where nothing else is said."""

    def for_user(self, user_id: UserId) -> str:
        """The vendor that a user's new rows go to: the current one, or for a share of users the next."""

    @property
    def shadow(self) -> str | None:
        """The vendor whose answers are looked at beside the current one's, before users go there."""

    @property
    def names(self) -> Sequence[str]:
        """Every vendor that is set up, the current one first: what any of them sends is taken."""

    def __getitem__(self, vendor: str) -> Port_co: ...


@dataclass(frozen=True, slots=True)
class Target:
    """The vendor that is being moved to, and its share of users in percent. A user is always on the same side of it."""

    vendor: str
    share: int
    budget: ErrorBudget

    def takes(self, user_id: UserId) -> bool:
        bucket = int.from_bytes(hashlib.sha256(f"{self.vendor}:{user_id}".encode()).digest()[:4]) % 100
        return bucket < self.share and not self.budget.is_spent


@dataclass(frozen=True, slots=True)
class Registered(Generic[Port]):
    """A port's adapters as the settings chose them. `coming` is the vendor that is being moved to."""

    port: str
    current: str
    adapters: Mapping[str, Port]
    target: Target | None = None

    def for_user(self, user_id: UserId) -> str:
        if self.target is not None and self.target.takes(user_id):
            return self.target.vendor
        return self.current

    @property
    def shadow(self) -> str | None:
        return self.target.vendor if self.target is not None and not self.target.budget.is_spent else None

    @property
    def names(self) -> Sequence[str]:
        return sorted(self.adapters, key=lambda vendor: vendor != self.current)

    def __getitem__(self, vendor: str) -> Port:
        """Raises Unavailable for a vendor that a row names and that is not set up any more."""
        adapter = self.adapters.get(vendor)
        if adapter is None:
            raise Unavailable(self.port, f"the vendor {vendor} is not set up")
        return adapter
