"""Servers of our own may be private; where a name leads to a link-local address, nothing is sent there."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from db.tls import connect
from domain.errors import Unavailable
from domain.link_local import LeadsToLinkLocal
from gateway.observability.collector import Collector
from providers.calling.guard import Guard
from providers.calling.own_hosts import check_host, redis_at
from providers.email import smtp
from providers.storage.s3 import s3_client
from providers.texts import Texts
from tests.contract.test_smtp import DROP

METADATA, HOST = "169.254.169.254", "store.drop.example"


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """A resolver that leads HOST to the cloud's metadata, and what is connected to after all."""
    found: list[object] = []
    really = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **more: Any) -> Any:
        return really(METADATA if host == HOST else host, *args, **more)

    def connects(_: socket.socket, address: object) -> None:
        found.append(address)
        raise ConnectionRefusedError

    async def sock_connect(_: asyncio.AbstractEventLoop, sock: socket.socket, address: object) -> None:
        connects(sock, address)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connects)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", sock_connect)
    yield found


async def test_a_name_that_leads_there_is_refused(reached: list[object]) -> None:
    with pytest.raises(LeadsToLinkLocal, match=f"{HOST} leads to {METADATA}"):
        await check_host(HOST)


async def test_postgresql_is_not_connected_to(reached: list[object]) -> None:
    with pytest.raises(LeadsToLinkLocal):
        await connect(host=["nowhere.invalid", HOST], port=5432, user="drop")

    assert reached == []


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
async def test_redis_is_not_connected_to(reached: list[object], scheme: str) -> None:
    redis = redis_at(f"{scheme}://{HOST}:6379/0")

    with pytest.raises((RedisError, OSError), match=METADATA):
        await redis.ping()

    assert reached == []


async def test_a_mail_server_is_not_connected_to(reached: list[object]) -> None:
    server = smtp.server_of(f"smtp://drop:secret@{HOST}:587")
    adapter = smtp.SmtpEmail(server, Guard("email", smtp.RESILIENCE, smtp.RETRIED), Texts(), sender=DROP)

    with pytest.raises(Unavailable):
        await adapter.check()

    assert reached == []


async def test_a_store_is_not_connected_to(reached: list[object]) -> None:
    client = s3_client(region="eu-north-1", endpoint_url=f"http://{HOST}:9000", access_key="a", secret_key="b")

    with pytest.raises(LeadsToLinkLocal):
        await asyncio.to_thread(lambda: client.head_object(Bucket="b", Key="k"))

    assert reached == []


def test_a_collector_is_not_connected_to(reached: list[object]) -> None:
    assert Collector(f"http://{HOST}:4318/v1/traces").export([]) is SpanExportResult.FAILURE
    assert reached == []


@pytest.fixture
def unresolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that never answers."""

    async def getaddrinfo(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


async def test_a_resolver_that_hangs_is_waited_for_no_longer_than_postgresql(unresolved: None) -> None:
    async with asyncio.timeout(60):
        with pytest.raises(TimeoutError):
            await connect(host=HOST, port=5432, user="drop", timeout=0.1)


async def test_a_resolver_that_hangs_is_waited_for_no_longer_than_redis(unresolved: None) -> None:
    redis = redis_at(f"redis://{HOST}:6379/0", socket_connect_timeout=0.1, retry=Retry(NoBackoff(), 0))

    async with asyncio.timeout(60):
        with pytest.raises(RedisError):
            await redis.ping()
