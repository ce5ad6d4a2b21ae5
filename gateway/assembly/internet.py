"""Clients of the vendors outside."""

import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import httpx


class Internet(Protocol):
    """Opens a client for one vendor, so that a slow one holds none of the others' connections."""

    def __call__(self, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient: ...


def internet_until(stack: AsyncExitStack) -> Internet:
    """All clients that it opens are closed with the stack."""

    def internet(tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
        client = httpx.AsyncClient(verify=tls if tls is not None else True)
        stack.push_async_callback(client.aclose)
        return client

    return internet


def tls_with(certificate: Path | None, key: Path | None, authority: Path | None) -> ssl.SSLContext:
    """Our certificate for vendors that ask for one (RFC 8705), and whom we believe besides the public authorities.

    Files in PEM; the key may be in the certificate's. Raises OSError, ssl.SSLError.
    """
    context = httpx.create_ssl_context()
    if authority is not None:
        context.load_verify_locations(authority)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context
