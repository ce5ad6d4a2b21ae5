"""`gateway provider`: which vendors serve, what each of them still holds, and moving from one to another."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from rich.progress import Progress
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from db.engine import open_database
from db.vendor_migrations import VendorMigrationQueries
from db.vendor_use import VendorUse, vendor_use
from domain.vendor_migration import VendorMigration
from gateway.commands.checked_settings import checked_settings
from gateway.commands.terminal import LOCAL, LOOK_EVERY_S, OUT, Json, Token, Url, ask, fail
from gateway.settings.settings import Settings
from providers.registry import PORTS

app = typer.Typer(no_args_is_help=True, help="Which vendors serve, and moving from one to another.")
# A customer is moved by a call of a second or less, some at a time.
_NO_PROGRESS_S: Final = 60


@app.command()
def status(as_json: Json = False) -> None:
    """By port: who serves new users, who is moved to, and what each vendor holds that has not ended."""
    settings = checked_settings()
    try:
        uses, vendor_migrations = asyncio.run(_held(settings))
    except Exception as error:  # whatever the driver raises
        fail(f"The database does not answer ({type(error).__name__}). Check DATABASE_URL, or run: gateway migrate")
    ports = _ports(settings, vendor_migrations)
    if as_json:
        typer.echo(json.dumps({"ports": ports, "uses": [asdict(use) for use in uses]}))
        return
    shown = Table("Port", "Serves new users", "Is moved to", "Set up", box=None)
    for port, choice in ports.items():
        share = f"stopped: {choice['stopped']}" if choice["stopped"] else f"{settings.next_provider_share} %"
        moved = f"{choice['next']} ({share})" if choice["next"] else "-"
        shown.add_row(port, choice["current"], moved, ", ".join(settings.vendors_of(port)))
    held = Table("Port", "Vendor", "Holds", "How many", box=None)
    for use in uses:
        held.add_row(use.port, use.vendor, use.what, str(use.count))
    OUT.print(shown)
    OUT.print(held)


@app.command()
def migrate(
    port: Annotated[str, typer.Argument(help="Such as card_payments; its <PORT>_NEXT_PROVIDER says to whom.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be moved, and move nothing.")] = False,
    revert: Annotated[
        bool, typer.Option("--revert", help="Stop, and give back the customers that were moved.")
    ] = False,
    url: Url = LOCAL,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Move the customers who consented to the next vendor, and let new users go there again where that was stopped."""
    if dry_run and revert:
        raise typer.BadParameter("Give --dry-run or --revert, not both.")
    path = f"/api/operator/moves/{port}"
    if dry_run:
        report = ask("GET", url, path, token=token)
    elif revert:
        report = ask("POST", url, f"{path}/revert", token=token)
    else:
        report = _follow(ask("POST", url, path, token=token), url, token, is_shown=not as_json)
    if as_json:
        typer.echo(json.dumps(report))
        return
    for line in _told(report, is_dry_run=dry_run):
        OUT.print(line, highlight=False, markup=False)


def _follow(report: dict[str, Any], url: str, token: str | None, *, is_shown: bool) -> dict[str, Any]:
    """Wait until every willing customer is moved. Exits where no more customers move: the gateway keeps trying."""
    if report["customers"] is None:
        return report
    left, deadline = report["customers"]["willing"], time.monotonic() + _NO_PROGRESS_S
    with Progress(console=OUT, disable=not is_shown, transient=True) as progress:
        bar = progress.add_task("Moving customers", total=left)
        while left and not report["stoppedAt"]:
            time.sleep(LOOK_EVERY_S)
            report = ask("GET", url, f"/api/operator/moves/{report['port']}", token=token)
            before, left = left, report["customers"]["willing"]
            progress.advance(bar, before - left)
            if left < before:
                deadline = time.monotonic() + _NO_PROGRESS_S
            elif time.monotonic() > deadline:
                fail(f"{left} customers still wait. The gateway keeps trying; `gateway doctor` asks the vendor.")
    return report


def _told(report: Mapping[str, Any], *, is_dry_run: bool) -> Sequence[str]:
    customers, stopped = report["customers"], report["stoppedBecause"]
    share = f"stopped: {stopped}" if stopped else f"{report['shareOfNewUsers']} % of new users go there"
    lines = [f"{report['port']}: from {report['from']} to {report['to']}, {share}."]
    if "takenBack" in report:
        lines.append(f"{report['takenBack']} customers were given back to {report['from']}.")
    if customers is None:
        return [*lines, "What there is ends where it began; new bank links and renewals go to the next vendor."]
    would = "would be moved" if is_dry_run else "wait"
    without = customers["atOldVendor"] - customers["willing"]
    return [
        *lines,
        f"{customers['moved']} customers are moved, {customers['willing']} {would}, {without} have not consented.",
        f"{customers['plansThatStay']} plans run on at {report['from']} until they end.",
    ]


def _ports(settings: Settings, vendor_migrations: Sequence[VendorMigration]) -> dict[str, dict[str, str | None]]:
    reasons = {
        (migration.port, migration.from_vendor, migration.to_vendor): migration.stopped_because
        for migration in vendor_migrations
    }
    found: dict[str, dict[str, str | None]] = {}
    for port, declared in PORTS.items():
        if not declared.is_for_operators:
            current, target = settings.vendor_of(port), settings.next_of(port)
            stopped = reasons.get((port, current, target)) if target else None
            found[port] = {"current": current, "next": target, "stopped": stopped}
    return found


async def _held(settings: Settings) -> tuple[Sequence[VendorUse], Sequence[VendorMigration]]:
    database = open_database(settings.database_url)
    try:
        async with AsyncSession(database.read_engine) as session:
            return await vendor_use(session), await VendorMigrationQueries(session).all()
    finally:
        await database.close()
