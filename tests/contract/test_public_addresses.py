"""A vendor's name that is resolved to an address of a network of ours is not called."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.assembly.internet import internet_until
from providers.calling.loopback import is_public
from tests.builders.port import port_of, started, stopped

NAME = "api.vendor.example"


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
async def port(heard: list[str]) -> AsyncIterator[int]:
    async def hear(request: Request) -> PlainTextResponse:
        heard.append(request.headers["host"])
        return PlainTextResponse("heard")

    server = await started(Starlette(routes=[Route("/{path:path}", hear)]))
    yield port_of(server)
    await stopped(server)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncExitStack() as stack:
        yield internet_until(stack)()


@pytest.fixture(autouse=True)
def resolved() -> Iterator[None]:
    """The vendor's name leads to this machine."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str | bytes, *args: object, **more: object) -> object:
        name = host.decode() if isinstance(host, bytes) else host
        return real("127.0.0.1" if name == NAME else host, *args, **more)  # type: ignore[arg-type]  # as it came

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


async def test_a_name_that_leads_into_our_network_is_not_called(
    client: httpx.AsyncClient, port: int, heard: list[str]
) -> None:
    with pytest.raises(httpx.ConnectError, match=r"leads to 127\.0\.0\.1"):
        await client.get(f"http://{NAME}:{port}/secrets")

    assert heard == []


async def test_an_address_of_this_machine_is_called_as_a_test_server_is(client: httpx.AsyncClient, port: int) -> None:
    assert (await client.get(f"http://127.0.0.1:{port}/")).text == "heard"


async def test_a_proxy_of_our_own_may_be_private(port: int, heard: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    async with AsyncExitStack() as stack:
        answer = await internet_until(stack)().get(f"http://{NAME}/v1")

    assert (answer.text, heard) == ("heard", [NAME])


@pytest.mark.parametrize(
    "address",
    [
        *(
            "10.0.0.7",
            "172.16.3.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("::1", "fe80::1%eth0", "fd00::7", "::ffff:10.0.0.7", "::ffff:169.254.169.254"),
    ],
)
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["54.187.174.169", "2a00:1450:4010:c0f::5f", "::ffff:54.187.174.169"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)
