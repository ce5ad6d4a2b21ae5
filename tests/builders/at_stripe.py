"""A gateway whose card vendor is Stripe: the production adapter, and Stripe's face over the gateway's own sandbox."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from tests.builders.gateway import Play, Player, playing
from tests.builders.port import port_of, started, stopped
from tests.builders.sandbox import MovedClock
from tests.conftest import NOON
from tests.vendors import stripe

WEBHOOK_SECRET = "whsec_of_the_sandbox"
_TOLD = count(1)


@dataclass
class AtStripe:
    """Pages, webhooks, scenarios and the clock are the sandbox's; every call goes through `vendor`."""

    play: Play
    vendor: stripe.Stripe
    clock: MovedClock

    async def advance(self, **by: float) -> None:
        """Move the clock from one due thing to the next: the gateway's own may not be moved beside a real vendor."""
        ends = self.clock.at + timedelta(**by)
        await self.play.settle()
        while self.clock.at < ends:
            due = (await self.play.gateway.driver.reading()).next_due or ends
            self.clock.at = min(ends, max(due, self.clock.at + timedelta(milliseconds=1)))
            await self.play.settle()

    async def tell(self, kind: str, about: dict[str, Any]) -> None:
        """Send an event about this object, signed as Stripe signs."""
        event = {"id": f"evt_told_{next(_TOLD)}", "object": "event", "type": kind, "data": {"object": about}}
        body = json.dumps(event).encode()
        at = str(int(self.clock.at.timestamp()))
        mark = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"stripe-signature": f"t={at},v1={mark}"}
        answer = await self.play.browser().http.post("/api/webhooks/stripe", content=body, headers=headers)
        assert answer.is_success
        await self.play.settle()

    async def webhooks(self) -> list[str]:
        """How each webhook ended, oldest first."""
        async with self.play.gateway.infrastructure.database.read_engine.connect() as connection:
            return list((await connection.execute(text("SELECT status FROM webhook_event ORDER BY id"))).scalars())

    async def approved(self, persona: str = "kari") -> Player:
        """Somebody who has passed KYC."""
        player = await self.play.person(persona)
        await player.ask("mutation { startKyc { kyc { status } } }")
        await self.advance(seconds=3)
        return player


@asynccontextmanager
async def at_stripe(database_url: str, folder: Path) -> AsyncIterator[AtStripe]:
    async with httpx.AsyncClient() as nobody:
        clock = MovedClock(NOON)
        vendor = stripe.Stripe(nobody, clock)
        server = await started(stripe.app(vendor))
        settings: dict[str, Any] = {
            "card_payments_provider": "stripe",
            "stripe_api_url": f"http://127.0.0.1:{port_of(server)}",
            "stripe_secret_key": stripe.API_KEY,
            "stripe_publishable_key": "pk_test_drop",
            "stripe_webhook_secret": WEBHOOK_SECRET,
            "stripe_prices": stripe.PRICES,
        }
        try:
            async with playing(database_url, folder, NOON, base_clock=clock, **settings) as play:
                vendor.inner = play.gateway.sandbox
                yield AtStripe(play, vendor, clock)
        finally:
            await stopped(server)
