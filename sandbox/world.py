"""The sandbox's surroundings: its store, its time, and the gateway that it calls."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from sandbox.store import Store


@dataclass(slots=True)
class SandboxSettings:
    """Settings of the vendors. The secrets are those that the gateway verifies with; `seed` fixes every draw.

    `kyc_by_itself`: the KYC vendor decides without the form.
    """

    openbanking_webhook_secret: str
    sumsub_secret_key: str
    stripe_webhook_secret: str
    twilio_auth_token: str
    mail_signing_key: EllipticCurvePrivateKey
    storage_signing_key: str
    operator_token: str | None = None
    seed: str = "drop"
    kyc_by_itself: bool = True


@dataclass(slots=True)
class World:
    """Everything that the vendors share.

    `now` is the clock driver's time, which stands still until the driver sends the next time.
    """

    store: Store
    gateway: httpx.AsyncClient
    settings: SandboxSettings
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    generation: int = 0
    on_scheduled: Callable[[], None] = lambda: None
    # Several gateways send the time: the lock has due work done once, in order.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def tell(self, now: datetime, generation: int) -> None:
        """Time never runs backwards, but for the first time after a reset, which begins another generation."""
        self.generation, self.now = max((self.generation, self.now), (generation, now))
