"""Google's geocoding answer in our words. Source: docs/vendors/google_maps.md, Geocoding."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

import structlog

from domain.profile import Address
from providers.calling.guard import VendorTrouble
from providers.calling.json_parts import objects_in, text, texts_in, within

# A user would not choose from a longer list.
_SHOWN: Final = 5
_PASSING: Final = frozenset({"UNKNOWN_ERROR", "OVER_QUERY_LIMIT"})
_log = structlog.get_logger()


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
    found = (_readable(result) for result in answer["results"])
    return list(islice((address for address in found if address is not None), _SHOWN))


def _readable(result: object) -> Address | None:
    """The address of a result, None for one that cannot be read: it costs itself alone."""
    formatted = text(within(result, "formatted_address"))
    if formatted is None:
        _log.warning("geocoding_result_unreadable")
        return None
    parts = {
        kind: part for part in objects_in(within(result, "address_components")) for kind in texts_in(part.get("types"))
    }
    street = " ".join(_name(parts, kind) or "" for kind in ("route", "street_number")).strip()
    return Address(
        formatted=formatted,
        street=street or None,
        postal_code=_name(parts, "postal_code"),
        postal_place=_name(parts, "postal_town") or _name(parts, "locality"),
        country=text(within(parts, "country", "short_name")),
        # Only a part was matched: what the user meant may be somewhere else.
        is_normalised=within(result, "partial_match") is not True,
    )


def _name(parts: Mapping[str, Mapping[str, Any]], kind: str) -> str | None:
    return text(within(parts, kind, "long_name"))
