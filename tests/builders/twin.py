"""A second card vendor, to be moved to: Stripe's face over cards of its own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.assembly.clocks import SystemClock
from tests.builders.gateway import Play, Player, playing
from tests.builders.port import port_of, started, stopped
from tests.builders.sandbox import STRIPE_SECRET, Sandbox, sandbox_alone
from tests.vendors import stripe


@dataclass
class Twin:
    """The first card vendor is the gateway's own sandbox."""

    sandbox: Sandbox
    settings: Mapping[str, Any]
    database_url: str
    folder: Path

    @asynccontextmanager
    async def running(self, **changes: Any) -> AsyncIterator[Play]:
        """A gateway that is moving to the twin; no new user goes there by share."""
        clock = self.sandbox.clock
        settings = {"card_payments_next_provider": "stripe", "next_provider_share": 0, **self.settings, **changes}
        async with playing(self.database_url, self.folder, clock.at, base_clock=clock, **settings) as play:
            yield play

    async def approved(self, play: Play, persona: str) -> Player:
        player = await play.person(persona)
        await player.ask("mutation { startKyc { kyc { status } } }")
        await play.settle()
        await self.sandbox.advance(seconds=3)
        await play.settle()
        return player

    async def customer(self, name: str) -> str:
        """Somebody else's customer."""
        given = {"name": name, "metadata": {}, "idempotency_key": name}
        identifier: str = (await self.sandbox.http.post("/cards/customers", json=given)).json()["id"]
        return identifier

    async def charges(self) -> list[int]:
        """What it has charged, in minor units."""
        return [one["amount"] for one in (await self.sandbox.http.get("/ledger")).json()["charges"]]


@asynccontextmanager
async def second_card_vendor(database_url: str, folder: Path) -> AsyncIterator[Twin]:
    also = folder / "twin"
    also.mkdir()
    async with sandbox_alone(also, SystemClock().now()) as sandbox:
        server = await started(stripe.app(stripe.Stripe(sandbox.inner, sandbox.clock)))
        settings = {
            "stripe_api_url": f"http://127.0.0.1:{port_of(server)}",
            "stripe_secret_key": stripe.API_KEY,
            "stripe_publishable_key": "pk_test_drop",
            "stripe_webhook_secret": STRIPE_SECRET,
            "stripe_prices": stripe.PRICES,
        }
        twin = Twin(sandbox, settings, database_url, folder)
        # So that its ids differ from the first vendor's.
        for name in ("Before Us", "Before Us, Too"):
            await twin.customer(name)
        yield twin
        await stopped(server)
