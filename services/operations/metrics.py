"""The figures of this process and of what waits in the database, for Prometheus."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from prometheus_client import Gauge, generate_latest

from db.unit_of_work import Read
from domain.clock import Clock
from domain.errors import DatabaseAway
from domain.reconciliation import DifferenceKind
from services.jobs.heartbeat import Heartbeats
from services.operations.ages import GREATEST_AGES, oldest
from services.operations.retention import PURGES
from services.operations.service_status import Breakers
from services.webhooks.inbox import ProcessMoneyWebhook, ProcessWebhook

# Figures are read at most this often, so that frequent scrapes cannot load the database.
_FRESH_S: Final = 5.0
_WEBHOOKS: Final = (ProcessWebhook.kind, ProcessMoneyWebhook.kind)
_JOBS: Final = Gauge("drop_jobs_due", "Queued jobs whose time has come.")
_BLOCKED: Final = Gauge("drop_jobs_blocked", "Jobs that failed twelve times by faults of our own.", ["kind"])
_JOB_AGE: Final = Gauge("drop_job_oldest_due_seconds", "How long the oldest of them has been due.")
_WEBHOOK_AGE: Final = Gauge("drop_webhook_oldest_seconds", "How long the oldest webhook has waited to be processed.")
_OLDEST: Final = Gauge("drop_oldest_row_seconds", "The age of the oldest row in a status.", ["row", "status"])
_GREATEST: Final = Gauge("drop_greatest_age_seconds", "The age that no row should reach.", ["row", "status"])
for _row, _ages in GREATEST_AGES.items():
    for _status, _age in _ages.items():
        _GREATEST.labels(_row, _status).set(_age.total_seconds())
_DOUBTS: Final = Gauge("drop_payments_in_doubt", "Payments whose outcome nobody knows.")
_DOUBT_AGE: Final = Gauge("drop_payment_oldest_doubt_seconds", "The age of the oldest of them.")
_DIFFERENCES: Final = Gauge(
    "drop_differences_open", "Differences between vendors' objects and ours that are not mended.", ["kind"]
)
_DEAD: Final = Gauge("drop_messages_dead", "Mails and SMS that were given up.")
_PURGE_AGE: Final = Gauge("drop_purge_overdue_seconds", "How long the daily purge has been due.")
_UNSEALED: Final = Gauge("drop_audit_unsealed_seconds", "How long the audit trail has waited for a seal.")
_WORKER: Final = Gauge("drop_worker_alive", "1 while a worker of any process is alive.")
_CONNECTIONS: Final = Gauge("drop_database_connections_used", "Share of the connections in use, 0 to 1.")
_BREAKERS: Final = Gauge(
    "drop_breaker_open", "1 while calls to the vendor, or to one bank behind it, are refused.", ["port", "bank"]
)


class Metrics:
    """The figures for Prometheus. `breakers` are those of each port's vendor.

    `connections_used` gives the share of the pool that is in use. While it is full, others wait. `unsealed` gives for
    how long the audit trail has waited for a seal.
    """

    def __init__(
        self,
        read: Read,
        breakers: Mapping[str, Breakers],
        heartbeats: Heartbeats,
        connections_used: Callable[[], float],
        unsealed: Callable[[], Awaitable[timedelta]],
        clock: Clock,
    ) -> None:
        self._read = read
        self._heartbeats = heartbeats
        self._connections_used = connections_used
        self._breakers = breakers
        self._unsealed = unsealed
        self._clock = clock
        self._read_at = float("-inf")

    async def text(self) -> bytes:
        """In Prometheus' text format, version 0.0.4."""
        if time.monotonic() - self._read_at > _FRESH_S:
            # Without the database the last figures stay, so that those of this process are told all the same.
            with suppress(DatabaseAway):
                await self._look()
            self._read_at = time.monotonic()
        return generate_latest()

    async def _look(self) -> None:
        _CONNECTIONS.set(self._connections_used())
        _WORKER.set(await self._heartbeats.is_any_alive())
        _UNSEALED.set((await self._unsealed()).total_seconds())
        async with self._read() as read:
            now = await read.gauges.read(self._clock.now(), webhook_kinds=_WEBHOOKS, purges=PURGES)
            ages = await oldest(read, self._clock.now())
            differences = await read.reconciliation.counts()
        _JOBS.set(now.jobs_due)
        _BLOCKED.clear()
        for kind, count in now.jobs_blocked.items():
            _BLOCKED.labels(kind).set(count)
        for difference in DifferenceKind:
            _DIFFERENCES.labels(difference).set(differences.get(difference, 0))
        for (row, status), age in ages.items():
            _OLDEST.labels(row, status).set(age.total_seconds())
        _JOB_AGE.set(now.job_age.total_seconds())
        _WEBHOOK_AGE.set(now.webhook_age.total_seconds())
        _DEAD.set(now.messages_dead)
        _PURGE_AGE.set(now.purge_age.total_seconds())
        _DOUBTS.set(now.in_doubt)
        _DOUBT_AGE.set(now.doubt_age.total_seconds())
        for port, breakers in self._breakers.items():
            _BREAKERS.labels(port, "").set(breakers.is_away)
            for bank, is_open in breakers.open_by_bank.items():
                _BREAKERS.labels(port, bank).set(is_open)
