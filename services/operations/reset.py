"""Start over in mock mode: the database and the vendors together."""

from collections.abc import Awaitable, Callable

from db.engine import Database
from db.reset import clear_tables
from domain.errors import Forbidden
from services.operations.retention import Retention


class Reset:
    """Clears every table and the sandbox, and puts the clock back to now; keeps who works.

    `reset_sandbox` is None unless every provider is a mock.
    """

    def __init__(
        self,
        database: Database,
        retention: Retention,
        reset_sandbox: Callable[[], Awaitable[object]] | None,
    ) -> None:
        self._retention = retention
        self._database = database
        self._reset_sandbox = reset_sandbox

    async def reset_mock_services(self) -> None:
        """Raises Forbidden where a provider is real."""
        if self._reset_sandbox is None:
            raise Forbidden("A provider is not a mock: there is nothing here that may be wiped.")
        await clear_tables(self._database)
        await self._reset_sandbox()
        await self._retention.schedule()
