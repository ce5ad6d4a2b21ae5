"""People who pay while processes die around them: they repeat requests, with the same key, at any other process."""

import asyncio
import json
import random
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import httpx
from anyio import fail_after
from websockets.exceptions import WebSocketException

from tests.builders.cards import CONFIRM, CREATE, VISA
from tests.builders.fleet import Fleet
from tests.builders.gateway import CONNECT, OLA, PAY
from tests.builders.subscriber import subscribed

FOLLOW = """subscription($after: String) { viewerEvents(after: $after) { cursor kind
  payment { id version } } }"""
ACCOUNTS = "{ viewer { bankAccounts { edges { node { id } } } } }"
_AGAIN_AFTER_S = 0.05
_APPROVED_WITHIN_S = 30
_SCENARIOS = ("settles", "webhooks-doubled", "webhooks-reordered", "answer-lost", "webhook-first")


@dataclass
class Customer:
    """One person with a phone: a session, a bank account, and a subscription that resumes."""

    fleet: Fleet
    http: httpx.AsyncClient
    luck: random.Random
    account: str = ""
    cursor: str | None = None
    # How often each version of each payment was pushed.
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)
    gaps: int = 0
    is_following: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, query: str, *, scenario: str = "settles", **variables: object) -> Any:
        """Send the operation, safe to repeat or with an idempotency key, to processes until one answers."""
        while True:
            url = self.luck.choice(self.fleet.serves).url
            headers = {"origin": url, "x-drop-scenario": scenario}
            with suppress(httpx.HTTPError, json.JSONDecodeError):
                response = await self.http.post(
                    f"{url}/graphql", json={"query": query, "variables": variables}, headers=headers
                )
                body = response.json()
                if response.status_code == httpx.codes.OK and "errors" not in body:
                    (payload,) = body["data"].values()
                    return payload
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def log_in(self) -> None:
        url = self.fleet.serves[0].url
        path = "/auth/bankid/login?persona=new&return_to=/api/health/live"
        response = await self.http.get(f"{url}{path}", follow_redirects=True)
        assert response.status_code == httpx.codes.OK, response.text

    async def sign_in(self) -> None:
        """Log in and pass the verification. Before anything dies."""
        await self.log_in()
        await self.verify()

    async def verify(self) -> None:
        """Pass the verification."""
        await self.ask("mutation { startKyc { kyc { status } } }", scenario="kyc-approved")
        with fail_after(_APPROVED_WITHIN_S):
            await self._approved()

    async def begin(self) -> None:
        """Sign in, and connect a bank."""
        await self.sign_in()
        page = (await self.ask(CONNECT, bank="bank_dnb"))["authorisationUrl"]
        await self.decide(page)
        edges = (await self.ask(ACCOUNTS))["bankAccounts"]["edges"]
        self.account = edges[0]["node"]["id"]

    async def _approved(self) -> None:
        for _ in count():
            if (await self.ask("{ viewer { kyc { status } } }"))["kyc"]["status"] == "APPROVED":
                return
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def decide(self, page: str) -> None:
        """Approve at the vendor's page, and come back, if anybody is there to come back to."""
        path = urlsplit(page).path
        vendors = self.fleet.sandbox.url
        shown = await self.http.get(f"{vendors}{path}")
        accounts = re.findall(r'name="account" value="(\w+)"', shown.text)
        response = await self.http.post(f"{vendors}{path}", data={"decision": "approve", "account": accounts})
        back = response.headers.get("location", "")
        with suppress(httpx.HTTPError):
            await self.http.get(back, follow_redirects=True)

    async def pay_by_bank(self, number: int) -> None:
        order = {
            "debtorAccountId": self.account,
            "creditorName": "Ola Hansen",
            "creditorAccount": OLA,
            "amount": {"amountMinor": str(100 + number), "currency": "NOK"},
            "message": "Takk",
            "idempotencyKey": f"kill-bank-{number:06d}",
            "returnTo": "/api/health/live",
        }
        payload = await self.ask(PAY, scenario=self.luck.choice(_SCENARIOS), input=order)
        url = payload["payment"] and payload["payment"]["authorisationUrl"]
        if url:
            await self.decide(url)

    async def pay_by_card(self, number: int) -> None:
        scenario = self.luck.choice(_SCENARIOS)
        order = {
            "amount": {"amountMinor": str(1_000 + number), "currency": "NOK"},
            "idempotencyKey": f"kill-card-{number:06d}",
        }
        created = (await self.ask(CREATE, scenario=scenario, input=order))["payment"]
        given = {
            "id": created["id"],
            "paymentMethod": VISA,
            "idempotencyKey": f"kill-conf-{number:06d}",
            "returnTo": "/api/health/live",
        }
        for _ in range(5):
            payload = await self.ask(CONFIRM, scenario=scenario, input=given)
            # Without a payment, an earlier try is in doubt or under way: the gateway finds out, so try again.
            if payload["payment"] is not None:
                return
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def follow(self) -> None:
        """Follow the events until cancelled, at any process that answers, resuming after the last event seen."""
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                await self._follow(self.luck.choice(self.fleet.serves).url)
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def _follow(self, url: str) -> None:
        async with subscribed(url, self.http, FOLLOW, within_s=5, after=self.cursor) as socket:
            async for raw in socket:
                message = json.loads(raw)
                if message["type"] == "next" and message["payload"].get("data"):
                    self._receive(message["payload"]["data"]["viewerEvents"])
                elif message["type"] in ("error", "complete"):
                    return

    def _receive(self, item: dict[str, Any]) -> None:
        self.cursor = item["cursor"]
        self.is_following.set()
        self.gaps += item["kind"] == "RESUME_GAP"
        payment = item["payment"]
        if payment is not None:
            self.seen[payment["id"], payment["version"]] += 1
