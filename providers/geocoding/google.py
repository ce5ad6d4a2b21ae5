"""Google Maps' geocoding, version 3. Source: docs/vendors/google_maps.md, Geocoding."""

from collections.abc import Sequence
from typing import Final

import httpx
from pydantic import BaseModel, Field, SecretStr

from domain.profile import Address
from providers.calling.guard import Guard, Resilience
from providers.calling.vendor_http import VendorHttp, VendorRefusal
from providers.declaration import Tools, Vendor
from providers.geocoding.google_results import GeocodingRefused, addresses_of
from providers.setting_types import secret_of

BASE_URL: Final = "https://maps.googleapis.com"
# The vendor's limit for a key is 3,000 requests a minute.
RESILIENCE: Final = Resilience(
    timeout_s=3, breaker_failures=5, breaker_open_s=30, retry_after_s=(1, 2, 4), per_second=50
)
RETRIED: Final = frozenset({"geocode"})

_PATH: Final = "/maps/api/geocode/json"


class GoogleSettings(BaseModel):
    """The key for Google Maps."""

    google_maps_api_url: str = Field(default=BASE_URL, description="Google Maps' address.")
    google_maps_api_key: SecretStr | None = Field(
        default=None, description="Google Cloud, APIs > Credentials: a key for the Geocoding API."
    )


class GoogleGeocoder:
    """Looks up addresses at Google. The vendor wants `api_key` in the URL, so no URL may stand in a log or an error."""

    def __init__(self, http: httpx.AsyncClient, guard: Guard, *, api_key: str, base_url: str = BASE_URL) -> None:
        self._vendor = VendorHttp(http, guard, base_url=base_url)
        self._api_key = api_key

    async def geocode(self, text: str) -> Sequence[Address]:
        query = {"address": text, "components": "country:NO", "region": "no", "language": "no", "key": self._api_key}
        try:
            return await self._vendor.call(
                "geocode", "GET", _PATH, lambda answer: addresses_of(answer.document), params=query
            )
        except GeocodingRefused as error:
            raise self._vendor.refused(httpx.codes.OK, error, is_ours=True) from None
        except VendorRefusal as error:
            raise self._vendor.refused(error.status) from None

    async def check(self) -> None:
        """Check that the vendor accepts our key. Raises Unavailable."""
        await self.geocode("Karl Johans gate 1, 0154 Oslo")


def _build(settings: GoogleSettings, tools: Tools) -> GoogleGeocoder:
    adapter = GoogleGeocoder(
        tools.internet(),
        tools.guard(RESILIENCE, RETRIED),
        api_key=secret_of(settings.google_maps_api_key),
        base_url=settings.google_maps_api_url,
    )
    tools.add_check(adapter.check)
    return adapter


VENDOR: Final = Vendor("google", GoogleSettings, _build, needs=("google_maps_api_key",))
