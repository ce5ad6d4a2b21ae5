"""A gateway in mock mode, played through its public doors."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn
from starlette.applications import Starlette

from domain.clock import Clock
from gateway.app import Gateway, create_app
from gateway.settings.check import load_settings
from tests.builders.answers import check_response
from tests.builders.port import port_of, started, stopped
from tests.builders.ready import is_untouched, keep, put_back
from tests.builders.roomy import ROOMY

BASE = "http://localhost:8000"
OLA = "32010020009"
_KEYS = count(1)


@dataclass(frozen=True)
class StandingClock:
    at: datetime

    def now(self) -> datetime:
        return self.at


class Player:
    """One person with a browser."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def sign_in(self, persona: str = "kari") -> "Player":
        response = await self.browse(f"/auth/bankid/login?persona={persona}&return_to=/api/health/live")
        assert response.status_code == 200, response.text
        return self

    async def browse(self, url: str) -> httpx.Response:
        """Follow redirects as a browser does."""
        return await self.http.get(url, follow_redirects=True)

    async def post(self, query: str, **variables: object) -> httpx.Response:
        return await self.http.post("/graphql", json={"query": query, "variables": variables})

    async def ask(self, query: str, **variables: object) -> Any:
        """The answer's data, where there must be no error."""
        body = (await self.post(query, **variables)).json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    async def error_code(self, query: str, **variables: object) -> str:
        """The first top-level error's code."""
        code: str = (await self.post(query, **variables)).json()["errors"][0]["extensions"]["code"]
        return code

    async def press(self, page: str, decision: str, **more: str) -> httpx.Response:
        """Press a button on a bank's page, as it stands, and follow to where it leads."""
        shown = await self.http.get(page)
        assert shown.status_code == 200, shown.text
        accounts = re.findall(r'name="account" value="(\w+)"', shown.text)
        form = {"account": accounts, "decision": decision, **more}
        return await self.http.post(page, data=form, follow_redirects=True)


@dataclass
class Play:
    """A running gateway and the people who use it."""

    app: Starlette
    gateway: Gateway
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    server: uvicorn.Server | None = None
    # Whether people may be put in who were made ready in an earlier test, in place of going through the doors again.
    takes_ready: bool = False

    def browser(self, **headers: str) -> Player:
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=BASE,
            headers={"origin": BASE, **headers},
            event_hooks={"response": [check_response]},
        )
        self.clients.append(http)
        return Player(http)

    async def port(self) -> int:
        """Serve the application on a port, where streaming is needed: httpx's ASGI transport waits for the end."""
        if self.server is None:
            self.server = await started(self.app)
        return port_of(self.server)

    async def person(self, persona: str = "kari") -> Player:
        return await self.browser().sign_in(persona)

    async def approved(self, persona: str = "kari") -> Player:
        """Somebody who has passed KYC."""
        return await self._ready(self._approved, persona)

    async def _ready(self, make: Callable[..., Awaitable[Player]], *who: str) -> Player:
        """The first person in a new gateway, made ready here or put in from where an earlier test has kept them."""
        key = (make.__name__, *who)
        if not self.takes_ready or self.clients or not await is_untouched(self.gateway):
            return await make(*who)
        player = self.browser()
        if not await put_back(self.gateway, player.http, key):
            player = await make(*who)
            await keep(self.gateway, player.http, key)
        return player

    async def _approved(self, persona: str) -> Player:
        player = await self.person(persona)
        await player.ask("mutation { startKyc { kyc { status } } }")
        await self.advance(seconds=3)
        status = (await player.ask("{ viewer { kyc { status } } }"))["viewer"]["kyc"]["status"]
        assert status == "APPROVED"
        return player

    async def banked(self, persona: str = "kari", bank: str = "bank_dnb") -> tuple[Player, str]:
        """Somebody who has passed KYC and connected a bank, and their first account there."""
        player = await self._ready(self._banked, persona, bank)
        return player, await first_account(player)

    async def _banked(self, persona: str, bank: str) -> Player:
        player = await self._approved(persona)
        await connect(player, bank)
        return player

    async def advance(self, **by: float) -> None:
        """Move the one clock; everything that falls due happens in order."""
        await self.gateway.driver.advance(timedelta(**by))

    async def settle(self) -> None:
        """Let everything happen that is due now."""
        await self.gateway.driver.settle()

    async def ledger(self) -> list[dict[str, Any]]:
        """What the sandbox's banks have booked: the judge of whether money moved."""
        bookings: list[dict[str, Any]] = (await self.gateway.sandbox.get("/ledger")).json()["bookings"]
        return bookings


@asynccontextmanager
async def playing(
    database_url: str,
    folder: Path,
    at: datetime,
    *,
    base_clock: Clock | None = None,
    machine_clock: Clock | None = None,
    **settings: object,
) -> AsyncIterator[Play]:
    """The clock stands at `at` until it is driven, or where `base_clock` says."""
    chosen = load_settings(
        **{
            "database_url": database_url,
            "sandbox_path": folder / "sandbox.sqlite3",
            "_env_file": None,
            **ROOMY,
            **settings,
        }
    )
    app = create_app(
        chosen, base_clock=base_clock or StandingClock(at), machine_clock=machine_clock, runs_by_itself=False
    )
    async with app.router.lifespan_context(app):
        play = Play(app, app.state.gateway)
        try:
            yield play
        finally:
            for client in play.clients:
                await client.aclose()
            if play.server is not None:
                await stopped(play.server)


CONNECT = """mutation($bank: ID!) { connectBank(input: {bankId: $bank, returnTo: "/api/health/live"}) {
  bankLink { id status } authorisationUrl
  authorisation { kind url message challenge expiresAt } userErrors { code field message } } }"""


async def connect(player: Player, bank: str = "bank_dnb", decision: str = "approve") -> str:
    """Go through a bank's consent page; gives the bank link's id."""
    payload = (await player.ask(CONNECT, bank=bank))["connectBank"]
    assert payload["userErrors"] == []
    back = await player.press(payload["authorisationUrl"], decision)
    assert back.status_code == 200, back.text
    bank_link: str = payload["bankLink"]["id"]
    return bank_link


async def first_account(player: Player) -> str:
    edges = (await player.ask("{ viewer { bankAccounts { edges { node { id } } } } }"))["viewer"]["bankAccounts"]
    account: str = edges["edges"][0]["node"]["id"]
    return account


def a_payment(account: str, amount_minor: int = 12_500, **changes: object) -> dict[str, Any]:
    """An input that the rules allow; a test states only what matters to it."""
    return {
        "debtorAccountId": account,
        "creditorName": "Ola Hansen",
        "creditorAccount": OLA,
        "amount": {"amountMinor": str(amount_minor), "currency": "NOK"},
        "message": "Takk for kaffen",
        "idempotencyKey": f"test-key-{next(_KEYS):06d}",
        "returnTo": "/api/health/live",
        **changes,
    }


PAY = """mutation($input: InitiatePaymentInput!) { initiatePayment(input: $input) {
  payment { id status authorisationUrl authorisation { kind url message challenge expiresAt }
    inDoubt version failure { code } }
  warnings { code message } userErrors { code field message retryable } } }"""
PAYMENT = """query($id: ID!) { node(id: $id) { ... on Payment {
  status version inDoubt authorisationUrl authorisation { kind url message challenge expiresAt }
  failure { code message } scheduledFor
  cancellation { status authorisationUrl authorisation { kind url } }
  history { edges { node { status kind cause version at failure { code } } } }
  debtorAccount { balances { type amount { amountMinor } } } } } }"""


async def pay(player: Player, given: dict[str, Any]) -> dict[str, Any]:
    """The payload of `initiatePayment`."""
    payload: dict[str, Any] = (await player.ask(PAY, input=given))["initiatePayment"]
    return payload


async def payment_of(player: Player, payment_id: str) -> dict[str, Any]:
    payment: dict[str, Any] = (await player.ask(PAYMENT, id=payment_id))["node"]
    return payment


def nodes(connection: dict[str, Any]) -> list[Any]:
    """What stands in a page of a list."""
    return [edge["node"] for edge in connection["edges"]]


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def as_json(body: object) -> bytes:
    return json.dumps(body).encode()
