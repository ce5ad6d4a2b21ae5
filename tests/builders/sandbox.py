"""The sandbox without a gateway: the vendors that the mock adapters talk to."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from providers.calling.guard import Guard
from providers.calling.sandbox_client import SandboxClient
from providers.email.mock_key import private_key_of
from sandbox.api import NOW_HEADER
from sandbox.app import pages_app, vendors_app
from sandbox.store import Store
from sandbox.world import SandboxSettings, World
from tests.builders.gateway import BASE
from tests.builders.line import Line

OPENBANKING_SECRET = "contract-openbanking"
SUMSUB_SECRET = "contract-sumsub"
STRIPE_SECRET = "contract-stripe"
TWILIO_TOKEN = "contract-twilio"
STORAGE_KEY = "contract-storage"
MAIL_SECRET = "contract-mail"


@dataclass
class MovedClock:
    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class Posted:
    """A webhook as it arrived."""

    path: str
    raw: bytes
    headers: Mapping[str, str]


@dataclass
class Sandbox:
    """`http` is the vendors' interface, `pages` a browser at their pages, `inbox` what they posted.

    `inner` is the same interface for the faces of the real vendors, which no harm comes near.
    """

    http: httpx.AsyncClient
    inner: httpx.AsyncClient
    pages: httpx.AsyncClient
    pages_app: ASGIApp
    clock: MovedClock
    line: Line
    inbox: list[Posted] = field(default_factory=list)

    def client(self, provider: str, declared: Any) -> SandboxClient:
        return SandboxClient(self.http, Guard(provider, declared.RESILIENCE, declared.RETRIED))

    def outside(self, face: ASGIApp) -> httpx.AsyncClient:
        """A client of a real vendor's face; the line is between them."""
        http = httpx.AsyncClient(transport=httpx.ASGITransport(face))
        self.line.watch(http)
        return http

    async def advance(self, **by: float) -> None:
        """Time passes at the vendors, in order."""
        target = self.clock.at + timedelta(**by)
        while (due := (await self.http.get("/clock")).json()["nextDue"]) and datetime.fromisoformat(due) <= target:
            self.clock.at = max(self.clock.at, datetime.fromisoformat(due))
            await self.http.post("/clock", json={"now": self.clock.at.isoformat()})
        self.clock.at = target
        await self.http.post("/clock", json={"now": target.isoformat()})

    async def last_webhook(self) -> Posted:
        await self.advance(seconds=0)
        return self.inbox[-1]

    async def press(self, url: str, **form: object) -> str:
        """Gives where the page sends the browser."""
        response = await self.pages.post(url, data=form)
        assert response.status_code == 303, response.text
        return response.headers["location"]

    async def sign_in(self, persona: str) -> None:
        """BankID's page, after which the banks know the person."""
        query = {
            "client_id": "drop-gateway",
            "response_type": "code",
            "redirect_uri": f"{BASE}/auth/bankid/callback",
            "state": "s",
            "nonce": "n",
            "code_challenge": "c",
            "code_challenge_method": "S256",
            "login_hint": persona,
        }
        response = await self.pages.get("/sandbox/bankid/authorize", params=query)
        assert response.status_code == 303, response.text


@asynccontextmanager
async def sandbox_alone(folder: Path, at: datetime) -> AsyncIterator[Sandbox]:
    clock = MovedClock(at)
    inbox: list[Posted] = []

    async def receive(request: Request) -> Response:
        inbox.append(Posted(request.url.path, await request.body(), request.headers))
        return Response(status_code=202)

    async def tell_time(request: httpx.Request) -> None:
        request.headers[NOW_HEADER] = clock.now().isoformat()

    async with AsyncExitStack() as stack:
        receiver = Starlette(routes=[Route("/{path:path}", receive, methods=["POST"])])
        gateway = httpx.AsyncClient(transport=httpx.ASGITransport(receiver), base_url=BASE)
        store = Store(folder / "sandbox.sqlite3")
        await store.open()
        stack.push_async_callback(store.close)
        secrets = SandboxSettings(
            openbanking_webhook_secret=OPENBANKING_SECRET,
            sumsub_secret_key=SUMSUB_SECRET,
            stripe_webhook_secret=STRIPE_SECRET,
            twilio_auth_token=TWILIO_TOKEN,
            storage_signing_key=STORAGE_KEY,
            mail_signing_key=private_key_of(MAIL_SECRET),
        )
        world = World(store, gateway, secrets, now=at)
        http, inner = (
            httpx.AsyncClient(
                transport=httpx.ASGITransport(vendors_app(world)),
                base_url="http://sandbox",
                event_hooks={"request": [tell_time]},
            )
            for _ in range(2)
        )
        site = pages_app(world)
        mounted = Starlette(routes=[Mount("/sandbox", site)])
        pages = httpx.AsyncClient(transport=httpx.ASGITransport(mounted), base_url=BASE)
        for client in (gateway, http, inner, pages):
            await stack.enter_async_context(client)
        yield Sandbox(http, inner, pages, site, clock, Line(http), inbox)
