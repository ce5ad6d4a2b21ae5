"""Geocoding: turns an address that a user typed into official postal addresses."""

from collections.abc import Sequence
from typing import Protocol

from domain.profile import Address


class Geocoder(Protocol):
    """Looks up Norwegian addresses. Source: docs/vendors/google_maps.md."""

    async def geocode(self, text: str) -> Sequence[Address]:
        """The addresses that the text may mean: none, one, or up to five to choose from.

        One that is not `is_normalised` matches the text in part only, so that the user must confirm it.
        Safe to repeat. Raises Unavailable.
        """
