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
    """Every word that was typed must stand in the address."""
    words = _words(text)
    found = [one for one in _addresses() if words and words <= _words(_formatted(one))]
    if not found:
        return {"status": "ZERO_RESULTS", "results": []}
    return {"status": "OK", "results": [_result(one) for one in found]}


def _words(text: str) -> set[str]:
    return set(text.casefold().replace(",", " ").split())


def _formatted(one: dict[str, str]) -> str:
    return f"{one['street']} {one['number']}, {one['postal_code']} {one['place']}, Norge"


def _result(one: dict[str, str]) -> Document:
    parts = (
        ("street_number", one["number"]),
        ("route", one["street"]),
        ("postal_code", one["postal_code"]),
        ("postal_town", one["place"]),
    )
    components = [{"long_name": name, "short_name": name, "types": [kind]} for kind, name in parts]
    components.append({"long_name": "Norge", "short_name": "NO", "types": ["country", "political"]})
    return {"formatted_address": _formatted(one), "address_components": components}
