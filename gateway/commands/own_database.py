"""The database itself, for commands that ask no running gateway."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from db.engine import Database
from gateway.commands.checked_settings import checked_settings
from gateway.commands.start import one_message, opened

Result = TypeVar("Result")


def with_database(use: Callable[[Database], Awaitable[Result]]) -> Result:
    """What `use` gives. Exits with 1 and one message where the settings are wrong or the database does not answer."""
    settings = checked_settings()

    async def run() -> Result:
        async with opened(settings) as database:
            return await use(database)

    with one_message(settings):
        return asyncio.run(run())
    raise AssertionError("one_message exits")
