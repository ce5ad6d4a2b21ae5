"""Who asks: the client's own address and scheme, of which the proxies before this process tell.

Source: RFC 7239, 7.4 and 8.1, on whom such a header may be believed from; X-Forwarded-For has the same order.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

Address = IPv4Address | IPv6Address

# A peer without an address is a process on this machine: it came over a Unix socket.
_THIS_MACHINE: Final = "127.0.0.1"
# A provider gives each of its customers a network of this size at least, in which every address is theirs (RFC 6177).
_IPV6_PREFIX: Final = 64
_SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


class ClientAddress:
    """ASGI middleware that puts the client's address and scheme in place of the trusted proxy's.

    `trusted` are addresses and networks of proxies. The client is the rightmost hop that is no trusted proxy; what is
    no address ends the search, so that a client's own words are never taken for one.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[str]) -> None:
        self._app = app
        self._trusted = [ip_network(network) for network in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            self._tell(scope)
        await self._app(scope, receive, send)

    def _tell(self, scope: Scope) -> None:
        host, port = scope.get("client") or (_THIS_MACHINE, 0)
        address = _address(host)
        if address is None:
            return
        headers, proxies = Headers(scope=scope), 0
        for hop in reversed(_listed(headers, "x-forwarded-for")):
            told = _address(hop) if self._is_trusted(address) else None
            if told is None:
                break
            address, proxies, port = told, proxies + 1, 0
        is_told_by_proxy = proxies > 0 or self._is_trusted(address)
        schemes = _listed(headers, "x-forwarded-proto") if is_told_by_proxy else []
        if schemes:
            # By the proxy that the client reached. A proxy that replaces the header leaves a single entry.
            scheme = schemes[-min(max(proxies, 1), len(schemes))].lower()
            if scheme in _SCHEMES:
                scope["scheme"] = _SCHEMES[scheme] if scope["type"] == "websocket" else scheme.replace("ws", "http")
        scope["client"] = (str(address), port)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def client_network(connection: HTTPConnection) -> str:
    """Whose requests are counted together: an IPv4 address, or an IPv6 network of a single customer."""
    address = _address(connection.client.host if connection.client else _THIS_MACHINE)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)


def _listed(headers: Headers, name: str) -> list[str]:
    return [entry.strip() for entry in ",".join(headers.getlist(name)).split(",") if entry.strip()]


def _address(text: str) -> Address | None:
    """An address, also with a port, as some proxies write it; an IPv4 address within IPv6 is the IPv4 address."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        # The zone of a link-local address names an interface of the machine that saw it.
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
