"""How a vendor declares itself: its name, its settings, what it needs set, and how its adapter is built."""

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

import httpx
from pydantic import BaseModel

from domain.clock import Clock
from domain.service import PortName
from providers.calling.guard import Guard, Resilience
from providers.calling.sandbox_client import SandboxClient
from providers.texts import Texts
from providers.told_webhooks import ToldWebhook

# The vendor that the sandbox plays.
MOCK: Final = "mock"
Own = TypeVar("Own", bound=BaseModel)
Adapter_co = TypeVar("Adapter_co", covariant=True)
# Raises Unavailable where the vendor is away or does not take our credentials.
Ask = Callable[[], Awaitable[None]]


class NoSettings(BaseModel):
    """Of a vendor that needs nothing to be set."""


class Tools(Protocol):
    """What an adapter is built with. The tools know which vendor of which port is being built."""

    @property
    def clock(self) -> Clock:
        """The one that mock mode moves."""

    @property
    def texts(self) -> Texts:
        """The wording of messages, for vendors that are given whole texts."""

    @property
    def environment(self) -> str:
        """Such as staging: named to operators' vendors."""

    @property
    def public_url(self) -> str:
        """The gateway's address, without a slash at its end."""

    @property
    def webhook_url(self) -> str:
        """The address that the vendor reports to."""

    def internet(self, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
        """A client for this vendor alone, so that a slow one holds none of the others' connections."""

    def guard(
        self,
        resilience: Resilience,
        retried: frozenset[str],
        *,
        per_second: float | None = None,
        label: str = "",
        spends_budget: bool = True,
    ) -> Guard:
        """`per_second` where the vendor's limit is a setting, `label` for each further guard of the vendor.

        The port is shown as away when the guard without a label is open. `spends_budget` is false where strangers
        cause the calls, which must not stop a vendor migration.
        """

    def sandbox(self, resilience: Resilience, retried: frozenset[str]) -> SandboxClient:
        """Raises AssertionError where no sandbox runs: the settings choose a mock only where there is one."""

    def add_check(self, ask: Ask, *, name: str = "", needs: tuple[str, ...] = ()) -> None:
        """How `gateway doctor` asks the vendor; with `name` and `needs` where it is another one, such as a backup."""


def _no_problems(settings: BaseModel) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Vendor(Generic[Own, Adapter_co]):
    """A vendor as its own module declares it.

    `needs` are the settings without which the vendor cannot be called. `chosen_by` is the setting that chooses the
    vendor where the port's switch is not set. `live_keys` are the beginnings of credentials that move real money, or
    know real people, by setting, and `test_keys` those of the vendor's test world. `test_hosts` are the hosts of that
    world by the setting that holds the address: any other host beyond this machine is live. `problems` says what is
    wrong with the vendor's settings, whether it is chosen or not.
    """

    name: str
    settings: type[Own]
    build: Callable[[Own, Tools], Adapter_co]
    needs: tuple[str, ...] = ()
    # Where its webhooks come: /api/webhooks/<address>. Without it the vendor's name.
    address: str = ""
    # What its webhooks tell the person whom they are about, in a data export. None where it sends none, or the vendor
    # of the same address says it.
    told: ToldWebhook | None = None
    chosen_by: str | None = None
    live_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    test_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    test_hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: Callable[[Own], Sequence[str]] = _no_problems

    @property
    def webhook_address(self) -> str:
        """The last part of the path of its webhooks."""
        return self.address or self.name


@dataclass(slots=True)
class Port(Generic[Adapter_co]):
    """A port and the vendors that serve it: mock mode runs on the first, production on the second.

    `is_for_operators` where the choice of a vendor changes nothing for users.
    """

    name: PortName
    vendors: tuple[Vendor[Any, Adapter_co], ...]
    is_for_operators: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The vendors' names, in the order of preference."""
        return tuple(vendor.name for vendor in self.vendors)

    def vendor(self, name: str) -> Vendor[Any, Adapter_co]:
        """Raises KeyError for a vendor that does not serve this port."""
        return {vendor.name: vendor for vendor in self.vendors}[name]
