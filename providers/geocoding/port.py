"""Geocoding: what an address that somebody typed is called by the post."""

from collections.abc import Sequence
from typing import Protocol

from domain.profile import Address


class Geocoder(Protocol):
    async def geocode(self, text: str) -> Sequence[Address]:
        """The addresses that may be meant: none, one, or several to choose from. Raises Unavailable."""
