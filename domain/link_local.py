"""Link-local addresses: there a cloud tells whoever asks the machine's own credentials, so that none is ever called."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any


class LeadsToLinkLocal(OSError):
    """A host's name was resolved to a link-local address: nothing was sent there."""


def refuse_link_local(host: str, resolved: Iterable[tuple[Any, ...]]) -> None:
    """Raises LeadsToLinkLocal where one of the addresses, as `getaddrinfo` gives them, is link-local."""
    for *_, address in resolved:
        if is_link_local(str(address[0])):
            raise LeadsToLinkLocal(f"{host} leads to {address[0]}, which is link-local")


def is_link_local(host: str) -> bool:
    """Whether the host is written as a link-local IP address. Never raises."""
    try:
        return plain_address(host).is_link_local
    except ValueError:
        return False


def plain_address(address: str) -> IPv4Address | IPv6Address:
    """Without a zone, and an IPv4 address that is written as one of IPv6 as itself. Raises ValueError."""
    ip = ip_address(address.partition("%")[0])
    return (ip.ipv4_mapped if isinstance(ip, IPv6Address) else None) or ip
