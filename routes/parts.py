"""What the routes work with, put on the application when it starts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from starlette.requests import HTTPConnection

from services.banks.links import Banks
from services.incidents import Incidents
from services.jobs.queue import Queue
from services.notifications.deliver import NotificationDelivery
from services.operations.health import HealthService
from services.operations.metrics import Metrics
from services.operations.reset import Reset
from services.operations.vendor_migration import VendorMigrations
from services.payments.bank_payments import Payments
from services.payments.card_payments import CardPayments
from services.payments.in_doubt import InDoubtPayments
from services.plans.plans import Plans
from services.timeline import Timeline
from services.users.kyc import KycService
from services.users.login import Login
from services.users.sessions import Sessions
from services.webhooks.inbox import Webhooks


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
    notifications: NotificationDelivery
    timeline: Timeline
    vendor_migrations: VendorMigrations
    in_doubt: InDoubtPayments
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
