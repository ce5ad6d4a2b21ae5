"""What the services stand on: the database, the processes' fan-out, the limits that they share, and the adapters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import httpx

from db.engine import Database
from db.unit_of_work import CommitWakeUps, Read, UnitOfWork, Work, reading
from domain.clock import Clock
from domain.ids import UserId
from gateway.assembly.adapters import Adapters, build_adapters
from gateway.assembly.clocks import OffsetClock
from gateway.assembly.internet import Internet
from gateway.settings.settings import Settings
from providers.calling.places import SharedPlaces
from providers.calling.shared import SharedCalling
from providers.calling.shared_breakers import SharedBreakers
from providers.calling.shared_limits import SharedLimits
from providers.fanout.memory import MemoryFanout
from providers.fanout.port import Fanout
from providers.fanout.redis import RedisFanout
from services.jobs.heartbeat import Heartbeats
from services.jobs.signal import WorkerSignal

# The fan-out's channel for workers.
_JOBS: Final = "jobs"


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """What the use cases are built on, such as database and adapters. `sandbox` is None if every vendor is real."""

    settings: Settings
    database: Database
    clock: OffsetClock
    machine_clock: Clock
    sandbox: httpx.AsyncClient | None
    work: Work
    read: Read
    fanout: Fanout
    signal: WorkerSignal
    heartbeats: Heartbeats
    shared: SharedCalling
    sockets: SharedPlaces | None
    adapters: Adapters

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self.fanout.close()
        await self.shared.close()
        if self.sockets is not None:
            await self.sockets.close()

    async def wake_for_jobs(self) -> None:
        """Wake this process's worker for jobs that other processes enqueue, until cancelled."""
        async with self.fanout.listen(_JOBS) as wake_up:
            while True:
                await wake_up.wait()
                self.signal.wake()


def open_infrastructure(
    settings: Settings,
    database: Database,
    clock: OffsetClock,
    machine_clock: Clock,
    sandbox: httpx.AsyncClient | None,
    internet: Internet,
) -> Infrastructure:
    """Build it on an open database and the sandbox's client. `internet` opens an HTTP client per real vendor."""
    redis = settings.redis_url.get_secret_value() if settings.redis_url else None
    # Two environments may share one Redis, and must not hear each other.
    names = f"drop:{settings.environment}"
    fanout: Fanout = RedisFanout(redis, names) if redis else MemoryFanout()
    shared = SharedCalling()
    if redis:
        shared = SharedCalling(SharedBreakers(redis, fanout, names), SharedLimits(redis, names))
    signal = WorkerSignal()
    wake_ups = CommitWakeUps(partial(_publish_events, fanout), partial(_wake_workers, signal, fanout))
    work, read = partial(UnitOfWork, database.write, wake_ups), partial(reading, database.read)
    return Infrastructure(
        settings=settings,
        database=database,
        clock=clock,
        machine_clock=machine_clock,
        sandbox=sandbox,
        work=work,
        read=read,
        fanout=fanout,
        signal=signal,
        heartbeats=Heartbeats(work, read, machine_clock, timedelta(seconds=settings.job_lease_s)),
        shared=shared,
        sockets=SharedPlaces(redis, names, settings.limit_sockets) if redis else None,
        adapters=build_adapters(settings, clock, sandbox, internet, shared),
    )


def _publish_events(fanout: Fanout, users: Sequence[UserId]) -> None:
    for user in users:
        fanout.publish(user)


def _wake_workers(signal: WorkerSignal, fanout: Fanout) -> None:
    """Wake this process's worker if it has room, otherwise all workers."""
    if signal.has_room:
        signal.wake()
    else:
        fanout.publish(_JOBS)
