"""What the inbox keeps of a webhook is decided by whether it changed anything, and never by how that is worded."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from db.engine import Database, open_database
from db.unit_of_work import CommitWakeUps, Queries, Reading, UnitOfWork
from domain.outcome import Outcome
from domain.payment import Payment
from gateway.assembly.limits import build_limits
from gateway.settings.limit_settings import LimitSettings
from providers.alerts.console import ConsoleAlerts
from providers.errors.off import NoCapture
from services.incidents import Incidents
from services.jobs.handlers import MONEY_KINDS
from services.operations.audit_trail import AuditTrail
from services.webhooks.inbox import Webhooks
from services.webhooks.sources import Delivery, Incoming
from tests.builders.fields import FIELDS
from tests.builders.gateway import StandingClock
from tests.conftest import NOON


@dataclass
class Source:
    """Signs everything, and has one answer."""

    outcome: Outcome | None
    is_of_money: bool = False

    async def verify(self, delivery: Delivery) -> Sequence[Incoming]:
        return [Incoming("event 1", delivery.raw)]

    async def process(self, raw: bytes) -> Outcome | None:
        return self.outcome

    async def payment_of(self, read: Queries, raw: bytes) -> Payment | None:
        return None


@pytest.fixture
async def database(either_database_url: str) -> AsyncIterator[Database]:
    database = open_database(either_database_url, fields=FIELDS)
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
    audit = AuditTrail(work, read, clock, years=5)
    webhooks = Webhooks(
        work, read, {"vendor": Source(outcome)}, incidents, build_limits(LimitSettings(), None), audit, clock
    )

    await webhooks.accept("vendor", Delivery(b"{}", {}, "https://drop.test/api/webhooks/vendor"), "192.0.2.1")
    (stored,) = await webhooks.newest(10)
    await webhooks.process(stored.id)

    (processed,) = await webhooks.newest(10)
    assert (processed.status, processed.outcome) == (status, text)


async def test_webhooks_of_money_are_worked_off_by_jobs_of_their_own(database: Database) -> None:
    clock = StandingClock(NOON)
    work, read = partial(UnitOfWork, database.write, CommitWakeUps()), partial(Reading, database.read)
    incidents = Incidents(ConsoleAlerts("test"), NoCapture(), clock)
    audit = AuditTrail(work, read, clock, years=5)
    sources = {"bank": Source(None, is_of_money=True), "mail": Source(None)}
    webhooks = Webhooks(work, read, sources, incidents, build_limits(LimitSettings(), None), audit, clock)

    for name in sources:
        await webhooks.accept(name, Delivery(b"{}", {}, f"https://drop.test/api/webhooks/{name}"), "192.0.2.1")
        newest, *_ = await webhooks.newest(10)
        await webhooks.process(newest.id)
        await webhooks.replay(newest.id)

    async with read() as queries:
        jobs = [(job.payload["webhook_id"], job.kind) for job in await queries.jobs.in_status(["QUEUED"], 10)]
    of_mail, of_bank = [webhook.id for webhook in await webhooks.newest(10)]
    assert sorted(jobs) == sorted([(of_bank, "process_money_webhook")] * 3 + [(of_mail, "process_webhook")] * 3)
    assert {"process_money_webhook"} == MONEY_KINDS & {kind for _, kind in jobs}


async def test_a_webhook_that_comes_again_is_answered_and_queued_no_second_time(database: Database) -> None:
    clock = StandingClock(NOON)
    work, read = partial(UnitOfWork, database.write, CommitWakeUps()), partial(Reading, database.read)
    incidents = Incidents(ConsoleAlerts("test"), NoCapture(), clock)
    audit = AuditTrail(work, read, clock, years=5)
    webhooks = Webhooks(
        work, read, {"mail": Source(None)}, incidents, build_limits(LimitSettings(), None), audit, clock
    )
    delivery = Delivery(b"{}", {}, "https://drop.test/api/webhooks/mail")

    new = [await webhooks.accept("mail", delivery, "192.0.2.1") for _ in range(3)]

    async with read() as queries:
        jobs = await queries.jobs.in_status(["QUEUED"], 10)
    assert (new, len(await webhooks.newest(10)), len(jobs)) == ([True, False, False], 1, 1)
