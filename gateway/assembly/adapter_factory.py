"""What every maker of adapters stands on: settings, lines, guards, and what is known of each vendor made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

import httpx
from pydantic import SecretStr

from domain.clock import Clock
from gateway.assembly.internet import Internet
from gateway.settings.settings import Settings
from gateway.settings.vendors import MOCK
from providers.calling.error_budget import ErrorBudget
from providers.calling.guard import Guard, Resilience
from providers.calling.sandbox_client import SandboxClient
from providers.calling.shared import SharedCalling
from providers.texts import Texts
from providers.vendors import Registered, Target

Port = TypeVar("Port")
# Raises Unavailable where the vendor is away or does not take our credentials.
Check = Callable[[], Awaitable[None]]


class Declared(Protocol):
    """An adapter's module: how its vendor is called, as data."""

    RESILIENCE: Resilience
    RETRIED: frozenset[str]


class Makers:
    """A subclass has one method per vendor; each is made once, where it can be spoken to."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        sandbox: httpx.AsyncClient | None,
        internet: Internet,
        shared: SharedCalling,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sandbox = sandbox
        self._internet = internet
        self._shared = shared
        self._texts = Texts()
        self.breakers: dict[str, Callable[[], Awaitable[bool]]] = {}
        self.checks: dict[str, Check] = {}
        self.budgets: dict[str, ErrorBudget] = {}
        self.guards: dict[str, Guard] = {}

    def vendors(self, port: str, makers: Mapping[str, Callable[[], Port]]) -> Registered[Port]:
        settings, next_vendor = self._settings, self._settings.next_of(port)
        adapters = {vendor: makers[vendor]() for vendor in settings.vendors_of(port)}
        target = None
        if next_vendor is not None:
            target = Target(next_vendor, settings.next_provider_share, self.budget_of(port))
        return Registered(port, settings.vendor_of(port), adapters, target)

    def budget_of(self, port: str) -> ErrorBudget:
        """Of the vendor that the port is being moved to."""
        return self.budgets.setdefault(port, ErrorBudget(partial(self._shared.spent.add, port)))

    def guard(
        self,
        port: str,
        vendor: str,
        declared: Declared,
        *,
        per_second: float | None = None,
        label: str | None = None,
    ) -> Guard:
        """`per_second` where the vendor's limit is a setting, `label` where a vendor has several guards."""
        resilience = declared.RESILIENCE
        if per_second is not None:
            resilience = replace(resilience, per_second=per_second)
        budget = self.budget_of(port) if vendor == self._settings.next_of(port) else None
        name = f"{port}:{label or vendor}"
        guard = Guard(
            port,
            resilience,
            declared.RETRIED,
            vendor=label or vendor,
            budget=budget,
            admit=self._shared.admission(name, resilience),
            on_opened=partial(self._shared.opened, name),
        )
        self.guards[name] = guard
        if vendor == self._settings.vendor_of(port):
            self.breakers[port] = guard.is_open
        return guard

    def mock_client(self, port: str, declared: Declared) -> SandboxClient:
        assert self._sandbox is not None  # a vendor that the sandbox plays is chosen only where there is one
        return SandboxClient(self._sandbox, self.guard(port, MOCK, declared))


def secret_of(value: SecretStr | None) -> str:
    """Of a setting that the vendor needs, so that it was checked at the start."""
    return value.get_secret_value() if value is not None else ""
