"""Which addresses may be called: those with TLS, and those of this machine, such as a local test server."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

from domain.link_local import plain_address

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def parts_of(address: str) -> SplitResult:
    """The parts of an address. All parts are empty if the text is not an address. Never raises."""
    try:
        parts = urlsplit(address)
        is_address = parts.port != 0 and " " not in address
    except ValueError:  # a bracket is left open, or the port is not a number
        return urlsplit("")
    return parts if is_address else urlsplit("")


def is_safe(address: str) -> bool:
    """Whether calls to the address are encrypted, or do not leave this machine."""
    parts = parts_of(address)
    is_here = parts.scheme == "http" and parts.hostname in LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or is_here)


def is_within(host: str, domain: str) -> bool:
    """Whether `host` is the domain itself or a name below it. `notexample.com` is not within `example.com`."""
    return host == domain or host.endswith(f".{domain}")


def is_public(address: str) -> bool:
    """Whether the IP address is one of the internet: not private, of this machine or link, shared or reserved."""
    ip = plain_address(address)
    return ip.is_global and not ip.is_multicast
