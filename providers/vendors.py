"""Which adapter serves a vendor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Port = TypeVar("Port")
Port_co = TypeVar("Port_co", covariant=True)


class Vendors(Protocol[Port_co]):
    """A port's adapters by vendor: rows name the vendor that knows them, new ones go to the current one."""

    @property
    def current(self) -> str:
        """The vendor of new rows."""

    def __getitem__(self, vendor: str) -> Port_co: ...


@dataclass(frozen=True, slots=True)
class Registered(Generic[Port]):
    """Adapters as the settings chose them."""

    current: str
    adapters: Mapping[str, Port]

    def __getitem__(self, vendor: str) -> Port:
        return self.adapters[vendor]
