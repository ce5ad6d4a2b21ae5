"""Which adapter serves which vendor of a port."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from domain.errors import Unavailable
from domain.ids import UserId
from providers.calling.error_budget import ErrorBudget

Port = TypeVar("Port")
Other = TypeVar("Other")
Port_co = TypeVar("Port_co", covariant=True)


class Vendors(Protocol[Port_co]):
    """The adapters of one port by vendor name.

    A stored row names its vendor, and `vendors[row.vendor]` is the adapter for it. A new row goes to `for_user`.
    """

    @property
    def current(self) -> str:
        """The vendor that new rows go to if no migration sends them to another one."""

    def for_user(self, user_id: UserId, *, bank: str = "") -> str:
        """The vendor that a user's new rows go to: the current one or, for a share of users, the migration's target.

        With `bank`, the current one also while calls for that bank fail at the target.
        """

    @property
    def shadow(self) -> str | None:
        """The migration's target while its answers are compared with the current vendor's, None without a migration."""

    @property
    def names(self) -> Sequence[str]:
        """Every vendor that is set up, the current one first. Webhooks of all of them are accepted."""

    def __getitem__(self, vendor: str) -> Port_co:
        """The adapter of a vendor. Raises Unavailable for a vendor that is not set up any more."""


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a vendor migration. `share` is the percentage of users whose new rows go there.

    `budget` stops the migration when too many calls to the target fail.
    """

    vendor: str
    share: int
    budget: ErrorBudget

    def takes(self, user_id: UserId, *, bank: str = "") -> bool:
        """Whether the user belongs to the share. By a hash, so that a user does not change vendors at every request."""
        bucket = int.from_bytes(hashlib.sha256(f"{self.vendor}:{user_id}".encode()).digest()[:4]) % 100
        return bucket < self.share and not self.budget.is_spent_at(bank)


@dataclass(frozen=True, slots=True)
class Registered(Generic[Port]):
    """The adapters of one port as the settings chose them; implements `Vendors`. `port` names the port in errors.

    `addresses` are the last parts of the paths to which the vendors send their webhooks, by vendor.
    """

    port: str
    current: str
    adapters: Mapping[str, Port]
    target: Target | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)

    def for_user(self, user_id: UserId, *, bank: str = "") -> str:
        """As `Vendors.for_user`: the target takes no new user once its error budget is spent."""
        if self.target is not None and self.target.takes(user_id, bank=bank):
            return self.target.vendor
        return self.current

    @property
    def shadow(self) -> str | None:
        """As `Vendors.shadow`: None once the target's error budget is spent."""
        return self.target.vendor if self.target is not None and not self.target.budget.is_spent else None

    @property
    def names(self) -> Sequence[str]:
        """As `Vendors.names`."""
        return sorted(self.adapters, key=lambda vendor: vendor != self.current)

    def __getitem__(self, vendor: str) -> Port:
        """As `Vendors.__getitem__`. Raises Unavailable for a vendor that is not set up any more."""
        adapter = self.adapters.get(vendor)
        if adapter is None:
            raise Unavailable(self.port, f"the vendor {vendor} is not set up")
        return adapter

    def mapped(self, part: Callable[[Port], Other]) -> "Registered[Other]":
        """The same vendors with a part of each adapter."""
        adapters = {vendor: part(adapter) for vendor, adapter in self.adapters.items()}
        return Registered(self.port, self.current, adapters, self.target, self.addresses)

    def by_address(self, build: Callable[["Registered[Port]"], Other]) -> Mapping[str, Other]:
        """What `build` makes for each webhook address of the vendors that use it.

        A vendor's signature then opens its own address alone.
        """
        found: dict[str, dict[str, Port]] = {}
        for vendor in self.names:
            found.setdefault(self.addresses[vendor], {})[vendor] = self.adapters[vendor]
        return {
            address: build(replace(self, current=next(iter(adapters)), adapters=adapters))
            for address, adapters in found.items()
        }
