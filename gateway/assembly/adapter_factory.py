"""Builds the adapters that the registry's vendors declare, and keeps what is known of each: guard, breaker, check."""

import ssl
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import httpx

from db.snapshot import letting_go
from domain.clock import Clock
from gateway.assembly.internet import Internet
from gateway.settings.settings import Settings
from providers.calling.error_budget import ErrorBudget
from providers.calling.guard import Guard, Resilience
from providers.calling.sandbox_client import SandboxClient
from providers.calling.shared import SharedCalling
from providers.declaration import Ask, Port, Vendor
from providers.texts import Texts
from providers.vendors import Registered, Target

Adapter = TypeVar("Adapter")


@dataclass(frozen=True, slots=True)
class Check:
    """How a vendor is asked whether it takes our credentials, and the settings that hold them.

    `ask` raises Unavailable.
    """

    ask: Ask
    needs: tuple[str, ...]


class AdapterFactory:
    """Builds one adapter per vendor that is set up. `sandbox` is None where every vendor is real."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        sandbox: httpx.AsyncClient | None,
        internet: Internet,
        shared: SharedCalling,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.sandbox = sandbox
        self.internet = internet
        self.shared = shared
        self.texts = Texts()
        self.breakers: dict[str, Guard] = {}
        self.checks: dict[str, Check] = {}
        self.budgets: dict[str, ErrorBudget] = {}
        self.guards: dict[str, Guard] = {}

    def adapters(self, port: Port[Adapter]) -> Registered[Adapter]:
        """The adapters of every vendor of the port that is set up, by vendor."""
        names = self.settings.vendors_of(port.name)
        target = self.settings.next_of(port.name)
        return Registered(
            port.name,
            self.settings.vendor_of(port.name),
            {name: self._build(port, name) for name in names},
            Target(target, self.settings.next_provider_share, self.budget_of(port.name)) if target else None,
            {name: port.vendor(name).webhook_address for name in names},
        )

    def current(self, port: Port[Adapter]) -> Adapter:
        """The adapter of the port's current vendor alone."""
        return self._build(port, self.settings.vendor_of(port.name))

    def budget_of(self, port: str) -> ErrorBudget:
        """The error budget of the target of the port's vendor migration."""
        return self.budgets.setdefault(port, ErrorBudget(partial(self.shared.spent.add, port)))

    def _build(self, port: Port[Adapter], name: str) -> Adapter:
        vendor = port.vendor(name)
        return vendor.build(self.settings.of(vendor.settings), VendorTools(self, port.name, vendor))


class VendorTools:
    """Implements `Tools` for one vendor of one port."""

    def __init__(self, factory: AdapterFactory, port: str, vendor: Vendor[Any, object]) -> None:
        self._factory = factory
        self._port = port
        self._vendor = vendor
        self.clock = factory.clock
        self.texts = factory.texts
        self.environment = factory.settings.environment
        self.public_url = factory.settings.public_url.rstrip("/")
        self.webhook_url = f"{self.public_url}/api/webhooks/{vendor.webhook_address}"

    def internet(self, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
        """As `Tools.internet`."""
        return self._factory.internet(tls)

    def guard(
        self,
        resilience: Resilience,
        retried: frozenset[str],
        *,
        per_second: float | None = None,
        label: str = "",
        spends_budget: bool = True,
    ) -> Guard:
        """As `Tools.guard`."""
        factory, vendor = self._factory, self._vendor.name
        if per_second is not None:
            resilience = replace(resilience, per_second=per_second)
        is_target = vendor == factory.settings.next_of(self._port)
        guard = Guard(
            self._port,
            resilience,
            retried,
            vendor=label or vendor,
            budget=factory.budget_of(self._port) if is_target and spends_budget else None,
            turns=factory.shared.turns,
            on_opened=factory.shared.opened,
            on_refused=factory.shared.refusals.heard,
            letting_go=letting_go,
        )
        factory.guards[guard.name] = guard
        if not label and vendor == factory.settings.vendor_of(self._port):
            factory.breakers[self._port] = guard
        return guard

    def sandbox(self, resilience: Resilience, retried: frozenset[str]) -> SandboxClient:
        """As `Tools.sandbox`."""
        assert self._factory.sandbox is not None
        return SandboxClient(self._factory.sandbox, self.guard(resilience, retried))

    def add_check(self, ask: Ask, *, name: str = "", needs: tuple[str, ...] = ()) -> None:
        """As `Tools.add_check`."""
        self._factory.checks[name or self._vendor.name] = Check(ask, needs or self._vendor.needs)
