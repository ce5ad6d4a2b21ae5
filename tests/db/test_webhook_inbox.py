"""What the inbox keeps of a webhook is decided by whether it changed anything, and never by how that is worded."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from db.engine import Database, open_database
from db.unit_of_work import CommitWakeUps, Queries, Reading, UnitOfWork
from domain.ids import PaymentId
from domain.outcome import Outcome
from providers.alerts.console import ConsoleAlerts
from providers.errors.off import NoCapture
from services.incidents import Incidents
from services.webhooks.inbox import Webhooks
from services.webhooks.sources import Delivery, Incoming
from tests.builders.gateway import StandingClock
from tests.conftest import NOON


@dataclass
class Source:
    """Signs everything, and has one answer."""

    outcome: Outcome | None

    async def verify(self, delivery: Delivery) -> Sequence[Incoming]:
        return [Incoming("event 1", delivery.raw)]

    async def process(self, raw: bytes) -> Outcome | None:
        return self.outcome

    async def payment_of(self, read: Queries, raw: bytes) -> PaymentId | None:
        return None


@pytest.fixture
async def database(either_database_url: str) -> AsyncIterator[Database]:
    database = open_database(either_database_url)
    yield database
    await database.close()


@pytest.mark.parametrize(
    ("outcome", "status", "text"),
    [
        (Outcome(True, "the bank never heard of it: FAILED"), "PROCESSED", "the bank never heard of it: FAILED"),
        (Outcome(False, "a -> b says nothing of delivery"), "IGNORED", "a -> b says nothing of delivery"),
        (None, "PARKED", "names nothing we know; tried again in 1 s"),
    ],
)
async def test_a_webhook_is_processed_where_it_changed_something(
    database: Database, outcome: Outcome | None, status: str, text: str
) -> None:
    clock = StandingClock(NOON)
    work, read = partial(UnitOfWork, database.write, CommitWakeUps()), partial(Reading, database.read)
    incidents = Incidents(ConsoleAlerts("test"), NoCapture(), clock)
    webhooks = Webhooks(work, read, {"vendor": Source(outcome)}, incidents, clock)

    await webhooks.accept("vendor", Delivery(b"{}", {}, "https://drop.test/api/webhooks/vendor"))
    (stored,) = await webhooks.newest(10)
    await webhooks.process(stored.id)

    (processed,) = await webhooks.newest(10)
    assert (processed.status, processed.outcome) == (status, text)
