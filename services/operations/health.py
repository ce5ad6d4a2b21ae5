"""Whether this process can serve, with a check per dependency."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from db.engine import Database
from db.migrate import Fit, newest_revision, version_of
from services.operations.service_status import Breakers

_FRESH_S: Final = 1.0
# A probe that has not answered by then counts as failed: whatever hangs, health is told within a second.
_PROBED_WITHIN_S: Final = 0.8
# What this process itself needs. A worker is another process, and without one `serve` still takes what comes.
_NEEDED: Final = ("database", "migrations")
_AUDIT: Final = "background/audit_seals"


class Condition(StrEnum):
    """How a part of the gateway is: `degraded` still serves, `down` does not."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Health:
    """`down` where a critical local part fails; a vendor that is away only degrades its own check.

    A bank behind a vendor has a check only while calls to it are refused: `open_banking/bank_dnb`. So has what runs in
    the background while it is begun again, `background/sweep`, and the audit trail while nothing of it is sealed.
    """

    status: Condition
    checks: Mapping[str, Condition]


Probe = Callable[[], Awaitable[bool]]


class HealthService:
    """Answers from a short memory, so that a monitor cannot load the database or the vendors.

    `vendors` are asked; of real ones `breakers` say it, since asking would cost a call each time.
    """

    def __init__(
        self,
        database: Database,
        *,
        worker_is_alive: Probe,
        vendors: Mapping[str, Probe],
        breakers: Mapping[str, Breakers],
        unsound: Callable[[], Sequence[str]],
        is_audit_sealed: Probe,
    ) -> None:
        self._database = database
        self._worker_is_alive = worker_is_alive
        self._vendors = vendors
        self._breakers = breakers
        self._unsound = unsound
        self._is_audit_sealed = is_audit_sealed
        self._cached: tuple[float, Health] | None = None
        # References to probes that hang: the event loop keeps none, so a task could vanish before it ends.
        self._hanging: set[asyncio.Task[bool]] = set()
        self.is_draining = False

    @property
    def is_database_away(self) -> bool:
        """Whether the database is known not to answer, so that a request need not wait to find it out."""
        return self._database.watch.is_away

    async def check(self) -> Health:
        if self._cached is None or time.monotonic() - self._cached[0] > _FRESH_S:
            health = await self._check()
            self._cached = (time.monotonic(), health)
        return self._cached[1]

    async def is_ready(self) -> bool:
        """Whether a load balancer should send requests to this process; not whether any worker is alive."""
        checks = (await self.check()).checks
        return not self.is_draining and all(checks[name] is Condition.OK for name in _NEEDED)

    async def _check(self) -> Health:
        local = {
            "database": self._is_database_up,
            "migrations": self._is_migrated,
            "worker": self._worker_is_alive,
        }
        found = await self._probed({**self._vendors, **local, _AUDIT: self._is_audit_sealed})
        checks = {name: Condition.OK if found[name] else Condition.DOWN for name in local}
        checks |= {name: Condition.OK if found[name] else Condition.DEGRADED for name in self._vendors}
        for port, breakers in self._breakers.items():
            checks[port] = Condition.DEGRADED if breakers.is_away else Condition.OK
            away = (bank for bank, is_open in breakers.open_by_bank.items() if is_open)
            checks |= {f"{port}/{bank}": Condition.DEGRADED for bank in away}
        checks |= {f"background/{name}": Condition.DEGRADED for name in self._unsound()}
        if not found[_AUDIT]:
            checks[_AUDIT] = Condition.DEGRADED
        is_up = all(found[name] for name in local)
        return Health(Condition.OK if is_up else Condition.DOWN, checks)

    async def _probed(self, probes: Mapping[str, Probe]) -> Mapping[str, bool]:
        """Asks all at once. A probe that hangs is left behind: its own end may hang as well."""
        asked = {name: asyncio.create_task(_holds(probe)) for name, probe in probes.items()}
        _, late = await asyncio.wait(asked.values(), timeout=_PROBED_WITHIN_S)
        for task in late:
            self._hanging.add(task)
            task.add_done_callback(self._hanging.discard)
            task.cancel()
        return {name: task not in late and task.result() for name, task in asked.items()}

    async def _is_database_up(self) -> bool:
        if not self._database.watch.is_sound:
            return False
        async with self._database.read_engine.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")
            return True

    async def _is_migrated(self) -> bool:
        return (await version_of(self._database)).fit(newest_revision()) is Fit.FITS


async def _holds(probe: Probe) -> bool:
    try:
        return await probe()
    except Exception:  # whatever the driver raises, the answer is no
        return False
