"""Who is told to have asked: the rightmost hop that no trusted proxy is, by what they say of its scheme."""

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from gateway.settings.check import InvalidSettings, load_settings
from routes.client_address import ClientAddress, client_network

PROXIES = ("10.0.0.0/8", "2001:db8:1::/48", "127.0.0.1")


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    assert request.client is not None
    await JSONResponse([request.client.host, request.url.scheme, client_network(request)])(scope, receive, send)


async def client_of(peer: str, *headers: tuple[str, str]) -> list[str]:
    transport = httpx.ASGITransport(ClientAddress(told, trusted=PROXIES), client=(peer, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://drop") as http:
        answer: list[str] = (await http.get("/", headers=list(headers))).json()
    return answer


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.1.1.1", "198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", "1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.1.1.1", "10.2.2.2, 10.9.9.9", "10.2.2.2"),
        ("10.1.1.1", "", "10.1.1.1"),
        ("10.1.1.1", "198.51.100.1, unknown", "10.1.1.1"),
        ("10.1.1.1", "198.51.100.1, ' OR 1=1 --, 10.9.9.9", "10.9.9.9"),
        ("10.1.1.1", "198.51.100.1:51234", "198.51.100.1"),
        ("10.1.1.1", "[2001:db8:2::9]:443", "2001:db8:2::9"),
        ("10.1.1.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:10.1.1.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8:1::5", "fe80::1%eth0", "fe80::1"),
    ],
)
async def test_the_client_is_the_rightmost_hop_that_is_no_proxy(peer: str, forwarded: str, client: str) -> None:
    assert (await client_of(peer, ("X-Forwarded-For", forwarded)))[0] == client


async def test_several_headers_are_one_list() -> None:
    hops = ("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "198.51.100.1, 10.9.9.9")

    assert (await client_of("10.1.1.1", *hops))[0] == "198.51.100.1"


@pytest.mark.parametrize(
    ("peer", "hops", "schemes", "scheme"),
    [
        ("203.0.113.7", "", "https", "http"),
        ("10.1.1.1", "198.51.100.1", "https", "https"),
        ("10.1.1.1", "198.51.100.1", "HTTPS", "https"),
        ("10.1.1.1", "198.51.100.1", "https, http", "http"),
        ("10.1.1.1", "198.51.100.1, 10.9.9.9", "https, http", "https"),
        ("10.1.1.1", "198.51.100.1, 10.9.9.9", "https", "https"),
        ("10.1.1.1", "198.51.100.1", "javascript", "http"),
        ("10.1.1.1", "", "https", "https"),
    ],
)
async def test_the_scheme_is_told_by_the_proxy_that_the_client_reached(
    peer: str, hops: str, schemes: str, scheme: str
) -> None:
    headers = ("X-Forwarded-For", hops), ("X-Forwarded-Proto", schemes)

    assert (await client_of(peer, *headers))[1] == scheme


async def test_a_customer_s_ipv6_network_is_counted_as_one() -> None:
    one, other = [await client_of(peer) for peer in ("2a02:1::1", "2a02:1::ffff:ffff:ffff:ffff")]
    neighbour = await client_of("2a02:1:0:1::1")

    assert one[2] == other[2] == "2a02:1::/64"
    assert neighbour[2] == "2a02:1:0:1::/64"


@pytest.mark.parametrize("proxy", ["anybody", "10.0.0.1/8", "*"])
def test_what_is_no_network_stops_the_start(proxy: str) -> None:
    with pytest.raises(InvalidSettings, match="TRUSTED_PROXIES"):
        load_settings(trusted_proxies=proxy, _env_file=None)
