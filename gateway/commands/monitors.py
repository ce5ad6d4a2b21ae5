"""`gateway monitors`: what is watched from outside."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict

import typer

from domain.errors import Unavailable
from domain.uptime import Change, UptimePlan, uptime_plan
from gateway.assembly.adapters import uptime_adapter
from gateway.assembly.clocks import SystemClock
from gateway.assembly.internet import internet_until
from gateway.commands.checked_settings import checked_settings
from gateway.commands.terminal import OUT, Json, fail
from gateway.settings.settings import Settings
from providers.registry import UPTIME

app = typer.Typer(no_args_is_help=True, help="What is watched from outside.")


def _uptime_plan(settings: Settings) -> UptimePlan:
    return uptime_plan(
        public_url=settings.public_url.rstrip("/"),
        landing_url=settings.uptime_landing_url,
        email=settings.uptime_email,
        phone=settings.uptime_phone,
        status_page=settings.uptime_status_page,
    )


async def _changes(settings: Settings, *, applied: bool) -> Sequence[Change]:
    async with AsyncExitStack() as stack:
        vendor = uptime_adapter(settings, SystemClock(), internet_until(stack))
        wanted = _uptime_plan(settings)
        try:
            return await (vendor.apply(wanted) if applied else vendor.plan(wanted))
        except Unavailable as error:
            needs = UPTIME.vendor(settings.vendor_of(UPTIME.name)).needs
            fail(f"{error.message}. Check {', '.join(name.upper() for name in needs)}.")


def _tell_changes(changes: Sequence[Change], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(change) for change in changes]))
    elif not changes:
        OUT.print("Nothing differs.")
    for change in changes if not as_json else ():
        text = f"{change.kind:<7} {change.what}: {change.detail}"
        OUT.print(text, highlight=False, markup=False, soft_wrap=True)


@app.command(name="plan")
def plan_monitors(as_json: Json = False) -> None:
    """Print what would be changed at the uptime vendor: monitors, escalation, status page."""
    _tell_changes(asyncio.run(_changes(checked_settings(), applied=False)), as_json=as_json)


@app.command(name="apply")
def apply_monitors(as_json: Json = False) -> None:
    """Make it so. Safe to repeat: what is as wanted stays."""
    _tell_changes(asyncio.run(_changes(checked_settings(), applied=True)), as_json=as_json)
