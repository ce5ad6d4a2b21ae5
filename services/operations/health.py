"""Whether this process can serve, with a check per dependency."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from db.engine import Database
from db.migrate import Fit, newest_revision, version_of
from services.operations.service_status import Breakers

_FRESH_S: Final = 2.0
# What this process itself needs. A worker is another process, and without one `serve` still takes what comes.
_NEEDED: Final = ("database", "migrations")


class Condition(StrEnum):
    """How a part of the gateway is: `degraded` still serves, `down` does not."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Health:
    """`down` where a critical local part fails; a vendor that is away only degrades its own check.

    A bank behind a vendor has a check only while calls to it are refused: `open_banking/bank_dnb`.
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
    ) -> None:
        self._database = database
        self._worker_is_alive = worker_is_alive
        self._vendors = vendors
        self._breakers = breakers
        self._cached: tuple[float, Health] | None = None
        self.is_draining = False

    async def check(self) -> Health:
        if self._cached is None or time.monotonic() - self._cached[0] > _FRESH_S:
            self._cached = (time.monotonic(), await self._check())
        return self._cached[1]

    async def is_ready(self) -> bool:
        """Whether a load balancer should send requests to this process; not whether any worker is alive."""
        checks = (await self.check()).checks
        return not self.is_draining and all(checks[name] is Condition.OK for name in _NEEDED)

    async def _check(self) -> Health:
        local = {
            "database": await _holds(self._is_database_up),
            "migrations": await _holds(self._is_migrated),
            "worker": await _holds(self._worker_is_alive),
        }
        checks = {name: Condition.OK if up else Condition.DOWN for name, up in local.items()}
        for name, probe in self._vendors.items():
            checks[name] = Condition.OK if await probe() else Condition.DEGRADED
        for port, breakers in self._breakers.items():
            checks[port] = Condition.DEGRADED if breakers.is_away else Condition.OK
            away = (bank for bank, is_open in breakers.open_by_bank.items() if is_open)
            checks |= {f"{port}/{bank}": Condition.DEGRADED for bank in away}
        return Health(Condition.OK if all(local.values()) else Condition.DOWN, checks)

    async def _is_database_up(self) -> bool:
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
