"""`gateway provider`: which vendors serve, and what each of them still holds."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from db.engine import open_database
from db.vendor_use import VendorUse, vendor_use
from gateway.commands.terminal import OUT, Json, checked_settings, fail
from gateway.settings import Settings
from gateway.vendor_choice import OPERATORS_PORTS, PROVIDERS

app = typer.Typer(no_args_is_help=True, help="Which vendors serve, and moving from one to another.")


@app.callback()
def _group() -> None:
    """Keeps `status` a command of its own."""


@app.command()
def status(as_json: Json = False) -> None:
    """By port: who serves new users, who is moved to, and what each vendor holds that has not ended."""
    settings = checked_settings()
    try:
        uses = asyncio.run(_uses(settings))
    except Exception as error:  # whatever the driver raises
        fail(f"The database does not answer ({type(error).__name__}). Check DATABASE_URL, or run: gateway migrate")
    if as_json:
        typer.echo(json.dumps({"ports": _ports(settings), "uses": [asdict(one) for one in uses]}))
        return
    ports = Table("Port", "Serves new users", "Is moved to", "Set up", box=None)
    for port, one in _ports(settings).items():
        moved = f"{one['next']} ({settings.next_provider_share} %)" if one["next"] else "-"
        ports.add_row(port, str(one["current"]), moved, ", ".join(settings.vendors_of(port)))
    held = Table("Port", "Vendor", "Holds", "How many", box=None)
    for use in uses:
        held.add_row(use.port, use.vendor, use.what, str(use.count))
    OUT.print(ports)
    OUT.print(held)


def _ports(settings: Settings) -> dict[str, dict[str, str | None]]:
    users = [port for port in PROVIDERS if port not in OPERATORS_PORTS]
    return {port: {"current": settings.vendor_of(port), "next": settings.next_of(port)} for port in users}


async def _uses(settings: Settings) -> Sequence[VendorUse]:
    database = open_database(settings.database_url)
    try:
        async with AsyncSession(database.read_engine) as session:
            return await vendor_use(session)
    finally:
        await database.close()
