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
    """Addresses that contain every typed word; where none does, those of the street, matched without the number."""
    words = _words(text)
    if found := _with(words):
        return {"status": "OK", "results": [_result(address) for address in found]}
    if found := _with({word for word in words if not any(map(str.isdigit, word))}):
        return {"status": "OK", "results": [{**_result(found[0]), "partial_match": True}]}
    return {"status": "ZERO_RESULTS", "results": []}


def _with(words: set[str]) -> list[dict[str, str]]:
    return [address for address in _addresses() if words and words <= _words(_formatted(address))]


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
