"""Which adapter serves a vendor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from domain.errors import Unavailable

Port = TypeVar("Port")
Port_co = TypeVar("Port_co", covariant=True)


class Vendors(Protocol[Port_co]):
    """A port's adapters by vendor: rows name the vendor that knows them, new ones go to the current one."""

    @property
    def current(self) -> str:
        """The vendor of new rows."""

    @property
    def names(self) -> Sequence[str]:
        """Every vendor that is set up, the current one first: what any of them sends is taken."""

    def __getitem__(self, vendor: str) -> Port_co: ...


@dataclass(frozen=True, slots=True)
class Registered(Generic[Port]):
    """A port's adapters as the settings chose them."""

    port: str
    current: str
    adapters: Mapping[str, Port]

    @property
    def names(self) -> Sequence[str]:
        return sorted(self.adapters, key=lambda vendor: vendor != self.current)

    def __getitem__(self, vendor: str) -> Port:
        """Raises Unavailable for a vendor that a row names and that is not set up any more."""
        adapter = self.adapters.get(vendor)
        if adapter is None:
            raise Unavailable(self.port, f"the vendor {vendor} is not set up")
        return adapter
