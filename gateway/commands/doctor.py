"""`gateway doctor`: what is wrong with the settings and the connections, and what mends it."""

import asyncio
from contextlib import AsyncExitStack

from domain.errors import Unavailable
from gateway.assembly.adapters import build_adapters
from gateway.assembly.clocks import SystemClock
from gateway.assembly.internet import internet_until
from gateway.commands.start import one_message, require_fit
from gateway.commands.terminal import ERR, OUT, checked_settings, fail
from gateway.settings.settings import Settings
from providers.calling.shared import SharedCalling


def doctor() -> None:
    """Check the settings, the database and every vendor outside, and say what to do."""
    settings = checked_settings()
    OUT.print("[green]ok[/] settings")
    with one_message(settings):
        asyncio.run(require_fit(settings))
    OUT.print("[green]ok[/] database and migrations")
    troubled = asyncio.run(_troubled_vendors(settings))
    if troubled:
        fail("\n".join(troubled))


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
