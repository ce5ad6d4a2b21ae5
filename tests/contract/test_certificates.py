"""Our certificates for banks: replaced while the gateway runs, and told of before they end."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import trustme
from prometheus_client import REGISTRY

from domain.errors import Unavailable
from providers.open_banking.certificate_watch import RenewedSeal, watched_internet
from providers.open_banking.certificates import CertificateSettings
from tests.builders.sandbox import MovedClock
from tests.contract.conftest import NOON

RSA = trustme.KeyType.RSA


class Tools:
    """What is used of the tools that an adapter is built with."""

    def __init__(self) -> None:
        self.clock = MovedClock(NOON)
        self.clients: list[httpx.AsyncClient] = []
        self.checks: dict[str, object] = {}

    def internet(self, tls: ssl.SSLContext) -> httpx.AsyncClient:
        self.clients.append(httpx.AsyncClient(verify=tls))
        return self.clients[-1]

    def add_check(self, ask: object, *, name: str, needs: tuple[str, ...]) -> None:
        self.checks[name] = ask


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    tools = Tools()
    yield tools
    for client in tools.clients:
        await client.aclose()


def replace_file(authority: trustme.CA, file: Path, name: str, **given: object) -> None:
    """As an agent that renews certificates does it: a new file in place of the old one."""
    new = file.with_suffix(".new")
    authority.issue_cert(common_name=name, key_type=RSA, **given).private_key_and_cert_chain_pem.write_to_path(new)  # type: ignore[arg-type]
    os.replace(new, file)


async def test_a_replaced_client_certificate_is_used_for_the_next_connection(tmp_path: Path, tools: Tools) -> None:
    authority, file = trustme.CA(key_type=RSA), tmp_path / "client.pem"
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    replace_file(authority, file, "first")
    known: list[str] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        subject = dict(part[0] for part in writer.get_extra_info("peercert")["subject"])
        known.append(subject["commonName"])
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        settings = CertificateSettings(openbanking_client_cert=file, openbanking_ca=tmp_path / "ca.pem")
        client = watched_internet(settings, tools)  # type: ignore[arg-type]
        await client.get(f"https://127.0.0.1:{port}/")
        replace_file(authority, file, "second")
        await client.get(f"https://127.0.0.1:{port}/")

    assert known == ["first", "second"]


async def test_a_certificate_that_ends_soon_is_told_of(tmp_path: Path, tools: Tools) -> None:
    authority, file = trustme.CA(key_type=RSA), tmp_path / "client.pem"
    end = NOON + timedelta(days=29)
    replace_file(authority, file, "ours", not_after=end)
    watched_internet(CertificateSettings(openbanking_client_cert=file), tools)  # type: ignore[arg-type]

    with pytest.raises(Unavailable, match="OPENBANKING_CLIENT_CERT ends on 2026-12-23"):
        await tools.checks["certificates"]()  # type: ignore[operator]
    metric = "drop_certificate_ends_timestamp_seconds"
    assert REGISTRY.get_sample_value(metric, {"certificate": "openbanking_client_cert"}) == end.timestamp()
    replace_file(authority, file, "ours", not_after=NOON + timedelta(days=31))
    await tools.checks["certificates"]()  # type: ignore[operator]


def test_a_replaced_seal_signs_the_next_request(tmp_path: Path) -> None:
    authority, file = trustme.CA(key_type=RSA), tmp_path / "seal.pem"
    replace_file(authority, file, "first")
    seal = RenewedSeal(CertificateSettings(openbanking_seal_cert=file, openbanking_seal_key=file))

    def certificate() -> str:
        request = next(seal.auth_flow(httpx.Request("GET", "https://bank.example/")))
        found: str = request.headers["tpp-signature-certificate"]
        return found

    first = certificate()
    assert certificate() == first
    replace_file(authority, file, "second")
    second = certificate()
    assert second != first
    file.write_text("half a file")
    assert certificate() == second
