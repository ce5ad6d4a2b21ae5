"""Which addresses may be called: those with TLS, and those of this machine, such as a local test server."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

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
    ip = _plain(address)
    return ip.is_global and not ip.is_multicast


def is_link_local(host: str) -> bool:
    """Whether the host is written as a link-local IP address. Never raises."""
    try:
        return _plain(host).is_link_local
    except ValueError:
        return False


def _plain(address: str) -> IPv4Address | IPv6Address:
    """Without a zone, and an IPv4 address that is written as one of IPv6 as itself."""
    ip = ip_address(address.partition("%")[0])
    return (ip.ipv4_mapped if isinstance(ip, IPv6Address) else None) or ip
