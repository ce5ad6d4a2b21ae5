"""The sandbox's geocoding: it knows a few Norwegian addresses and answers in Google's format."""

from collections.abc import Sequence
from typing import Final

from domain.errors import Unavailable
from domain.profile import Address
from providers.calling.guard import Resilience
from providers.calling.sandbox_client import SandboxClient
from providers.declaration import MOCK, NoSettings, Tools, Vendor
from providers.geocoding.google_results import GeocodingRefused, addresses_of

RESILIENCE: Final = Resilience(timeout_s=3, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4))
RETRIED: Final = frozenset({"geocode"})


class MockGeocoder:
    """Looks up addresses in the sandbox. Only the addresses of its list are found."""

    def __init__(self, sandbox: SandboxClient) -> None:
        self._sandbox = sandbox

    async def geocode(self, text: str) -> Sequence[Address]:
        try:
            return addresses_of(await self._sandbox.get("geocode", "/maps/geocode", address=text))
        except GeocodingRefused as error:
            raise Unavailable("geocoding") from error


def _build(settings: NoSettings, tools: Tools) -> MockGeocoder:
    return MockGeocoder(tools.sandbox(RESILIENCE, RETRIED))


VENDOR: Final = Vendor(MOCK, NoSettings, _build)
