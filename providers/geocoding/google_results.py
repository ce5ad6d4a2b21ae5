"""Google's geocoding answer in our words. Source: docs/vendors/google_maps.md, Geocoding."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.profile import Address
from providers.calling.guard import VendorTrouble

# A user would not choose from a longer list.
_SHOWN: Final = 5
_PASSING: Final = frozenset({"UNKNOWN_ERROR", "OVER_QUERY_LIMIT"})


class GeocodingRefused(Exception):
    """Google refuses our key or its quota is used up: only operators can mend it."""


def addresses_of(answer: Mapping[str, Any]) -> Sequence[Address]:
    """The addresses of an answer, five at most. Raises VendorTrouble if a repeat may help, else GeocodingRefused."""
    status = answer.get("status")
    if status in _PASSING:
        raise VendorTrouble(str(status))
    if status == "ZERO_RESULTS":
        return []
    if status != "OK":
        raise GeocodingRefused(str(status))
    return [_address(result) for result in answer["results"][:_SHOWN]]


def _address(result: Mapping[str, Any]) -> Address:
    parts = {kind: part for part in result["address_components"] for kind in part["types"]}
    street = " ".join(_name(parts, kind) or "" for kind in ("route", "street_number")).strip()
    return Address(
        formatted=result["formatted_address"],
        street=street or None,
        postal_code=_name(parts, "postal_code"),
        postal_place=_name(parts, "postal_town") or _name(parts, "locality"),
        country=(parts.get("country") or {}).get("short_name"),
        # Only a part was matched: what the user meant may be somewhere else.
        is_normalised=result.get("partial_match") is not True,
    )


def _name(parts: Mapping[str, Any], kind: str) -> str | None:
    name: str | None = (parts.get(kind) or {}).get("long_name")
    return name
