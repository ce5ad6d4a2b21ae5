"""Which of a bank's methods a user approves by at Enable Banking. Source: docs/vendors/enable_banking.md, Banks."""

from collections.abc import Container, Mapping
from typing import Any, Final

from providers.calling.json_parts import objects_in, text

# What Drop can carry, best first. The vendor's page asks for whatever an embedded method needs.
_APPROACHES: Final = ("REDIRECT", "DECOUPLED")


def method_named(aspsp: Mapping[str, Any], *, allowed: Container[str] | None = None) -> dict[str, str]:
    """The field of a request that names the method, empty where the vendor's page asks the user.

    Unasked, the vendor takes a default of its own, which may be a decoupled method at a bank that has a page. Its page
    offers all methods but hidden ones, so that a choice among equals is left to the user there. `allowed` are the names
    that a payment may use, None for all.
    """
    methods = [
        method
        for method in objects_in(aspsp.get("auth_methods"))
        if text(method.get("name")) and method.get("psu_type") in (None, "personal")
    ]
    may_be_used = [method for method in methods if allowed is None or method["name"] in allowed]
    carried = sorted((method for method in may_be_used if method.get("approach") in _APPROACHES), key=_rank)
    best = [method for method in carried if _rank(method) == _rank(carried[0])]
    offered = [method for method in methods if not method.get("hidden_method")]
    return {"auth_method": str(best[0]["name"])} if best and best != offered else {}


def _rank(method: Mapping[str, Any]) -> tuple[int, bool]:
    return _APPROACHES.index(method["approach"]), bool(method.get("hidden_method"))
