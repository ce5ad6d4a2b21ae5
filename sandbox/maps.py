"""The map: a few Norwegian addresses, answered as Google's geocoder does."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from sandbox.store import Document

_FILE: Final = Path(__file__).parent / "addresses.toml"


@cache
def _addresses() -> list[dict[str, str]]:
    found: list[dict[str, str]] = tomllib.loads(_FILE.read_text())["address"]
    return found


def geocode(text: str) -> Document:
    """Addresses that contain every typed word."""
    words = _words(text)
    found = [address for address in _addresses() if words and words <= _words(_formatted(address))]
    if not found:
        return {"status": "ZERO_RESULTS", "results": []}
    return {"status": "OK", "results": [_result(address) for address in found]}


def _words(text: str) -> set[str]:
    return set(text.casefold().replace(",", " ").split())


def _formatted(address: dict[str, str]) -> str:
    return f"{address['street']} {address['number']}, {address['postal_code']} {address['place']}, Norge"


def _result(address: dict[str, str]) -> Document:
    parts = (
        ("street_number", address["number"]),
        ("route", address["street"]),
        ("postal_code", address["postal_code"]),
        ("postal_town", address["place"]),
    )
    components = [{"long_name": name, "short_name": name, "types": [kind]} for kind, name in parts]
    components.append({"long_name": "Norge", "short_name": "NO", "types": ["country", "political"]})
    return {"formatted_address": _formatted(address), "address_components": components}
