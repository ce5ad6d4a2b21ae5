"""A real OpenID provider in a process of its own, a browser at it, and somebody in between who changes what it says."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jws, jwt
from joserfc.jwk import RSAKey

CLIENTS: Final = Path(__file__).parents[1] / "clients"
SECRET: Final = "the-client-secret"
POST_LOGOUT: Final = "http://localhost:8000/sandbox/"
Claims = dict[str, Any]


@dataclass(frozen=True)
class Op:
    """`key` is the one that it signs with, `client_key` what the client `drop-by-key` signs with."""

    issuer: str
    key: RSAKey
    client_key: RSAKey


@contextmanager
def openid_provider(port: int, redirect_uri: str) -> Iterator[Op]:
    key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"}, private=True)
    client_key = RSAKey.generate_key(2048, {"kid": "drop", "use": "sig", "alg": "RS256"}, private=True)
    environment = {
        **os.environ,
        "PORT": str(port),
        "CLIENT_SECRET": SECRET,
        "REDIRECT_URI": redirect_uri,
        "POST_LOGOUT_URI": POST_LOGOUT,
        "SIGNING_KEY": json.dumps(key.as_dict(private=True)),
        "CLIENT_KEY": json.dumps(client_key.as_dict(private=False)),
    }
    command = ["node", "bankid.mjs"]
    with subprocess.Popen(
        command, cwd=CLIENTS, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as op:
        assert op.stdout is not None
        try:
            assert any(line == b"listening\n" for line in op.stdout)
            yield Op(f"http://127.0.0.1:{port}/auth/realms/current", key, client_key)
        finally:
            op.terminate()


async def returned(url: str, callback: str, **parameters: str) -> dict[str, str]:
    """What a browser brings back to the callback."""
    async with httpx.AsyncClient() as browser:
        response = await browser.get(httpx.URL(url).copy_merge_params(parameters))
        while not (where := response.headers["location"]).startswith(callback):
            response = await browser.get(httpx.URL(url).join(where))
        return {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}


@dataclass
class Between(httpx.AsyncBaseTransport):
    """Passes everything on, and changes the JSON of one path, or signs it as a JWT, where a test says how."""

    changes: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    signed: dict[str, Callable[[Any], str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    inner: httpx.AsyncHTTPTransport = field(default_factory=httpx.AsyncHTTPTransport)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        path = request.url.path.rpartition("/")[2]
        self.asked.append(path)
        if path in self.silent:
            await asyncio.get_running_loop().create_future()
        if path not in self.changes and path not in self.signed:
            return response
        await response.aread()
        if path in self.signed:
            text = self.signed[path](response.json())
            return httpx.Response(response.status_code, text=text, headers={"content-type": "application/jwt"})
        return httpx.Response(response.status_code, json=self.changes[path](response.json()))

    async def aclose(self) -> None:
        await self.inner.aclose()

    def change_claims(self, key: RSAKey, **changes: object) -> None:
        """The ID token as a provider with this key would have signed other claims; None takes one out."""

        def changed(claims: Claims) -> Claims:
            return {name: value for name, value in {**claims, **changes}.items() if value is not None}

        self.change_token(lambda header, claims: jwt.encode({**header}, changed(claims), key))

    def change_token(self, made: Callable[[Mapping[str, Any], Claims], str]) -> None:
        def changed(answer: Claims) -> Claims:
            if "id_token" not in answer:
                return answer
            token = jws.extract_compact(answer["id_token"].encode())
            return {**answer, "id_token": made(token.headers(), json.loads(token.payload))}

        self.changes["token"] = changed
