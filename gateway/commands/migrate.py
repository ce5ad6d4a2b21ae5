"""`gateway migrate`: a step of its own before the processes start."""

import asyncio

from db.migrate import newest_revision
from gateway.commands.checked_settings import checked_settings
from gateway.commands.start import bring_up_to_date, one_message
from gateway.commands.terminal import OUT


def migrate() -> None:
    """Bring the database to the newest version of its tables."""
    settings = checked_settings()
    with one_message(settings):
        asyncio.run(bring_up_to_date(settings))
    OUT.print(f"The database is at version {newest_revision()}.")
