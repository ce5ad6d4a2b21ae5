"""What the routes work with, put on the application when it starts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from starlette.requests import HTTPConnection

from services.banks import Banks
from services.card_payments import CardPayments
from services.doubts import Doubts
from services.health import HealthService
from services.incidents import Incidents
from services.jobs.queue import Queue
from services.kyc import KycService
from services.login import Login
from services.metrics import Metrics
from services.notifications import Notifications
from services.payments import Payments
from services.plans import Plans
from services.reset import Reset
from services.sessions import Sessions
from services.timeline import Timeline
from services.vendor_moves import VendorMoves
from services.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The product's time, how far it is ahead of the machine's, and when something falls due next."""

    now: datetime
    offset: timedelta
    next_due: datetime | None


class ClockControl(Protocol):
    """Moves the one clock of mock mode."""

    async def advance(self, by: timedelta) -> None: ...
    async def advance_to_next(self) -> None: ...
    async def reading(self) -> ClockReading: ...


@dataclass(frozen=True, slots=True)
class RouteParts:
    """`public_url` fixes this gateway's address; None on plain-http loopback, where the request's host is kept."""

    login: Login
    sessions: Sessions
    kyc: KycService
    banks: Banks
    payments: Payments
    card_payments: CardPayments
    plans: Plans
    webhooks: Webhooks
    notifications: Notifications
    timeline: Timeline
    moves: VendorMoves
    doubts: Doubts
    queue: Queue
    metrics: Metrics
    health: HealthService
    incidents: Incidents
    reset: Reset
    public_url: str | None
    allowed_origins: tuple[str, ...]
    default_return_to: str
    operator_token: str | None


def parts_of(connection: HTTPConnection) -> RouteParts:
    parts: RouteParts = connection.app.state.parts
    return parts
