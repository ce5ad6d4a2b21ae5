"""PostgreSQL over TLS and over a Unix socket, as DATABASE_URL says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.engine import open_database
from tests.builders.pump import pump
from tests.builders.tls import Certificates, certificates, certificates_of_all

_TLS_PLEASE = bytes.fromhex("0000000804d2162f")
Taken = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def forwarding(url: str, tls: ssl.SSLContext | None = None) -> Taken:
    """What stands before the server of the URL, and ends TLS as it would do itself."""
    parts = urlsplit(url)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if tls is not None:
            if await reader.readexactly(8) != _TLS_PLEASE:
                writer.close()
                return
            writer.write(b"S")
            try:
                await writer.start_tls(tls)
            except OSError:
                writer.close()
                return
        server_reader, server_writer = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(pump(reader, server_writer), pump(server_reader, writer))

    return take


@pytest.fixture
async def encrypted(postgresql_url: str) -> AsyncIterator[str]:
    """The URL of a server that takes TLS alone."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates_of_all().folder / "server.pem")
    server = await asyncio.start_server(forwarding(postgresql_url, tls), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    parts = urlsplit(postgresql_url)
    yield f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"
    server.close()


async def answer_of(url: str) -> int:
    database = open_database(url)
    try:
        async with database.read_engine.connect() as connection:
            return int((await connection.execute(text("SELECT 4711"))).scalar_one())
    finally:
        await database.close()


@pytest.fixture(scope="module")
def known() -> Certificates:
    return certificates_of_all()


@pytest.fixture
def strange(tmp_path: Path) -> Certificates:
    return certificates(tmp_path)


async def test_a_server_of_our_authority_is_believed(encrypted: str, known: Certificates) -> None:
    assert await answer_of(f"{encrypted}?sslmode=verify-full&sslrootcert={known.authority}") == 4711


async def test_the_systems_authorities_are_asked_without_one_of_ours(encrypted: str) -> None:
    # SSL_CERT_FILE of the tests names theirs.
    assert await answer_of(f"{encrypted}?sslmode=verify-full") == 4711
    assert await answer_of(f"{encrypted}?sslmode=verify-full&sslrootcert=system") == 4711


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_a_server_of_another_authority_is_not(encrypted: str, strange: Certificates, mode: str) -> None:
    with pytest.raises((OSError, DBAPIError)):
        await answer_of(f"{encrypted}?sslmode={mode}&sslrootcert={strange.authority}")


async def test_a_server_of_another_name_is_not(encrypted: str, known: Certificates) -> None:
    elsewhere = encrypted.replace("127.0.0.1", "localhost")

    with pytest.raises((OSError, DBAPIError)):
        await answer_of(f"{elsewhere}?sslmode=verify-full&sslrootcert={known.authority}")
    assert await answer_of(f"{elsewhere}?sslmode=verify-ca&sslrootcert={known.authority}") == 4711


async def test_an_authority_that_cannot_be_read_is_no_connection(encrypted: str, tmp_path: Path) -> None:
    with pytest.raises((OSError, DBAPIError)):
        await answer_of(f"{encrypted}?sslmode=verify-full&sslrootcert={tmp_path}/nowhere.pem")


async def test_a_unix_socket_is_a_way_as_well(postgresql_url: str, tmp_path: Path) -> None:
    parts = urlsplit(postgresql_url)
    server = await asyncio.start_unix_server(forwarding(postgresql_url), tmp_path / ".s.PGSQL.5432")
    try:
        assert await answer_of(f"postgresql://{parts.username}@{parts.path}?host={tmp_path}") == 4711
    finally:
        server.close()
