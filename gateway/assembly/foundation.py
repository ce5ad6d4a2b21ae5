"""What every use case stands on: the database, the clocks, the vendors' adapters, and who is told of what."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import httpx

from db.engine import Database
from db.unit_of_work import CommitWakeUps, Read, Reading, UnitOfWork, Work
from domain.clock import Clock
from domain.ids import UserId
from gateway.assembly.adapters import Adapters, build_adapters
from gateway.assembly.internet import Internet
from gateway.settings.settings import Settings
from providers.fanout.memory import MemoryFanout
from providers.fanout.port import Fanout
from providers.fanout.redis import RedisFanout
from services.field_encryption import FieldEncryption
from services.incidents import Incidents
from services.notifications.compose import NotificationComposer
from services.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Foundation:
    settings: Settings
    database: Database
    clock: Clock
    machine_clock: Clock
    wake_ups: CommitWakeUps
    work: Work
    read: Read
    fanout: Fanout
    adapters: Adapters
    encryption: FieldEncryption
    timeline: Timeline
    incidents: Incidents
    notifications: NotificationComposer


def lay_foundation(
    settings: Settings,
    database: Database,
    clock: Clock,
    machine_clock: Clock,
    sandbox: httpx.AsyncClient | None,
    internet: Internet,
) -> Foundation:
    """What stands on an open database, a client of the sandbox, and what opens one of vendors outside."""
    fanout: Fanout = RedisFanout(settings.redis_url.get_secret_value()) if settings.redis_url else MemoryFanout()
    wake_ups = CommitWakeUps()

    def publish(users: Sequence[UserId]) -> None:
        for user in users:
            fanout.publish(user)

    wake_ups.on_events = publish
    work, read = partial(UnitOfWork, database.write, wake_ups), partial(Reading, database.read)
    adapters = build_adapters(settings, clock, sandbox, internet)
    incidents = Incidents(adapters.alerts, adapters.errors, clock)
    keys = [key.get_secret_value() for key in settings.field_encryption_keys]
    return Foundation(
        settings=settings,
        database=database,
        clock=clock,
        machine_clock=machine_clock,
        wake_ups=wake_ups,
        work=work,
        read=read,
        fanout=fanout,
        adapters=adapters,
        encryption=FieldEncryption(keys, settings.field_hash_key.get_secret_value()),
        timeline=Timeline(work, read, clock, keeps_pushes=True),
        incidents=incidents,
        notifications=NotificationComposer(clock, email_vendor=adapters.email.current, sms_vendor=adapters.sms.current),
    )
