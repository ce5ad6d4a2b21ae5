"""`gateway doctor`: what is wrong with the settings and the connections, and what mends it."""

import asyncio
from contextlib import AsyncExitStack

from db.connection_limit import ConnectionLimit
from db.sealed_rows import SEALED_TABLES, SealedRowQueries
from domain.errors import Unavailable
from domain.service import ServiceMode
from gateway.assembly.adapters import build_adapters
from gateway.assembly.clocks import SystemClock
from gateway.assembly.internet import internet_until
from gateway.commands.checked_settings import checked_settings
from gateway.commands.start import limit_of, one_message, opened, require_fit
from gateway.commands.terminal import ERR, OUT, fail
from gateway.settings.settings import Settings
from providers.calling.shared import SharedCalling


def doctor() -> None:
    """Check the settings, the database and every vendor outside, and say what to do."""
    settings = checked_settings()
    OUT.print("[green]ok[/] settings")
    with one_message(settings):
        asyncio.run(require_fit(settings))
    OUT.print("[green]ok[/] database and migrations")
    with one_message(settings):
        limit = asyncio.run(limit_of(settings))
    troubled = [
        *asyncio.run(_lacks_keys(settings)),
        *_missing(settings),
        *_too_few(settings, limit),
        *asyncio.run(_troubled_vendors(settings)),
    ]
    if troubled:
        fail("\n".join(troubled))


async def _lacks_keys(settings: Settings) -> list[str]:
    """Whether the oldest and newest encrypted values of each table can be read."""
    async with opened(settings) as database, database.read() as session:
        sealed = SealedRowQueries(session)
        lacking = [table for table in SEALED_TABLES if not await sealed.is_readable(table)]
    if not lacking:
        OUT.print("[green]ok[/] keys of encrypted fields")
        return []
    return [
        f"FIELD_ENCRYPTION_KEYS lacks a key: values in {', '.join(lacking)} cannot be read. Put it back, "
        "then run: gateway keys rotate"
    ]


def _missing(settings: Settings) -> list[str]:
    """What production starts without, and then misses."""
    if settings.mode is not ServiceMode.PRODUCTION:
        return []
    is_sqlite = settings.database_url.startswith("sqlite")
    wanted = {
        "TRUSTED_PROXIES is not set: a user's address is the proxy's, also for banks. Set the proxies' network.": (
            "trusted_proxies" in settings.model_fields_set
        ),
        "DRAIN_S is 0: a stopping process cuts what comes to it. Set twice the period of the readiness probe.": (
            settings.drain_s > 0
        ),
        "REDIS_URL is not set: what happens at one process is pushed by others only when they look, each 15 s.": (
            is_sqlite or settings.redis_url is not None
        ),
        "DATABASE_URL is a SQLite file: one process alone, on a disk that must not be lost. Set postgresql://.": (
            not is_sqlite
        ),
    }
    missing = [message for message, is_there in wanted.items() if not is_there]
    if not missing:
        OUT.print("[green]ok[/] proxies and processes")
    return missing


def _too_few(settings: Settings, limit: ConnectionLimit | None) -> list[str]:
    """Connections: those that run now may need more than there are, and so may the next one that starts."""
    if limit is None:
        return []
    wanted = max(limit.processes, 1) * settings.connections_of_a_process
    if wanted <= limit.at_most:
        OUT.print("[green]ok[/] connections")
        return []
    return [
        f"{max(limit.processes, 1)} processes may open {wanted} connections, and PostgreSQL gives {limit.at_most}. "
        "Lower DATABASE_CONNECTIONS, or raise the server's max_connections."
    ]


async def _troubled_vendors(settings: Settings) -> list[str]:
    """Asks each vendor outside that is set up; nothing is sent to anybody."""
    troubled = []
    async with AsyncExitStack() as stack:
        internet = internet_until(stack)
        adapters = build_adapters(settings, SystemClock(), internet(), internet, SharedCalling())
        for vendor, check in adapters.checks.items():
            try:
                await check.ask()
            except Unavailable as error:
                names = ", ".join(name.upper() for name in check.needs)
                ERR.print(f"[red]no[/] {vendor}")
                troubled.append(f"{vendor}: {error.message}. Check {names} and the way to it. See docs/providers.md.")
            else:
                OUT.print(f"[green]ok[/] {vendor}")
    return troubled
