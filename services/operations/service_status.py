"""Whether the vendors behind the ports are simulated, and whether they answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.clock import Clock
from domain.feature import Feature, Features
from domain.service import PortName, ServiceMode


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """`is_available` is false while its breaker is open."""

    port: PortName
    is_mock: bool
    is_available: bool


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What `serviceStatus` answers; `now` is the product's clock, which mock mode moves."""

    now: datetime
    mode: ServiceMode
    is_bankid_mock: bool
    providers: Sequence[ProviderStatus]


IsOpen = Callable[[], bool]


class ServiceStatusReport:
    """Reads the breakers and the flags. `vendors` and `breakers` are by port; no vendor is called."""

    def __init__(
        self,
        mode: ServiceMode,
        vendors: Mapping[PortName, str],
        breakers: Mapping[str, IsOpen],
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
        is_open = self._breakers.get(port)
        is_available = is_open is None or not is_open()
        return ProviderStatus(port, vendor == self._mock_vendor, is_available)
