"""Whether the vendors behind the ports are simulated, and whether they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.clock import Clock
from domain.feature import Feature, Features
from domain.ids import BankId
from domain.service import PortName, ServiceMode


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """`is_available` is false while its breaker is open. `banks_away` are the banks whose own breakers are open."""

    port: PortName
    is_mock: bool
    is_available: bool
    banks_away: Sequence[BankId] = ()


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What `serviceStatus` answers; `now` is the product's clock, which mock mode moves."""

    now: datetime
    mode: ServiceMode
    is_bankid_mock: bool
    providers: Sequence[ProviderStatus]


class Breakers(Protocol):
    """Whether calls to a port's vendor are refused since it has failed too often, and to which banks behind it."""

    @property
    def is_away(self) -> bool:
        """Whether every call is refused."""

    @property
    def open_by_bank(self) -> Mapping[str, bool]:
        """Of each bank that was called, whether calls to it are refused."""


class ServiceStatusReport:
    """Reads the breakers and the flags. `vendors` and `breakers` are by port; no vendor is called."""

    def __init__(
        self,
        mode: ServiceMode,
        vendors: Mapping[PortName, str],
        breakers: Mapping[str, Breakers],
        features: Features,
        clock: Clock,
        *,
        mock_vendor: str,
    ) -> None:
        self._clock = clock
        self._mode = mode
        self._vendors = vendors
        self._breakers = breakers
        self._features = features
        self._mock_vendor = mock_vendor

    def status(self) -> ServiceStatus:
        providers = [self._provider(port, vendor) for port, vendor in sorted(self._vendors.items())]
        return ServiceStatus(
            self._clock.now(), self._mode, self._vendors[PortName.IDENTITY] == self._mock_vendor, providers
        )

    def features(self) -> Mapping[Feature, bool]:
        return {feature: feature in self._features.enabled for feature in Feature}

    def _provider(self, port: PortName, vendor: str) -> ProviderStatus:
        breakers, is_mock = self._breakers.get(port), vendor == self._mock_vendor
        if breakers is None:
            return ProviderStatus(port, is_mock, is_available=True)
        away = [BankId(bank) for bank, is_open in sorted(breakers.open_by_bank.items()) if is_open]
        return ProviderStatus(port, is_mock, not breakers.is_away, away)
