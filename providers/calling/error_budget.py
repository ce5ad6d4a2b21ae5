"""How many calls to a vendor may fail while users are migrated to it, before new users go back to the current one."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

_log = structlog.get_logger()
# The share of failures is that of the last _WINDOW calls; fewer than _ENOUGH calls say nothing yet.
_WINDOW: Final = 50
_ENOUGH: Final = 10
_ALLOWED: Final = 0.2


class ErrorBudget:
    """The failures of one vendor, as this process counts them. A spent budget stays spent until operators renew it.

    A bank's budget (`at`) recovers by itself.

    `on_spent` is called once when this process finds the budget spent, so that the other processes can learn of it.
    """

    def __init__(self, on_spent: Callable[[], None], *, recovers: bool = False) -> None:
        self._on_spent = on_spent
        self._recovers = recovers
        self.is_spent = False
        self._failed: deque[bool] = deque(maxlen=_WINDOW)
        self._banks: dict[str, ErrorBudget] = {}

    def at(self, bank: str) -> "ErrorBudget":
        """The budget of one bank behind the vendor, which this process spends for that bank alone.

        It is whole again once the calls of users who are there already go well.
        """
        if bank not in self._banks:
            self._banks[bank] = ErrorBudget(lambda: _log.error("bank_error_budget_spent", bank=bank), recovers=True)
        return self._banks[bank]

    def is_spent_at(self, bank: str) -> bool:
        """Whether the budget is spent, for all banks or for this one."""
        return self.is_spent or (bank in self._banks and self._banks[bank].is_spent)

    def agree(self, *, is_spent: bool) -> None:
        """Take over what the database says for all processes. A renewed budget counts from zero. Safe to repeat."""
        if self.is_spent and not is_spent:
            self._failed.clear()
        self.is_spent = is_spent

    def count(self, *, has_failed: bool) -> None:
        """Count the outcome of one call. A refusal of a user's request, such as a declined card, is no failure."""
        self._failed.append(has_failed)
        if (self.is_spent and not self._recovers) or len(self._failed) < _ENOUGH:
            return
        was_spent, self.is_spent = self.is_spent, sum(self._failed) / len(self._failed) > _ALLOWED
        if self.is_spent and not was_spent:
            self._on_spent()


class SpentBudgets:
    """The ports whose error budget was spent in this process, until the database says so for all processes."""

    def __init__(self) -> None:
        self._ports: set[str] = set()
        self._spent = asyncio.Event()

    def add(self, port: str) -> None:
        """Add a port, and wake the task that stores the fact for all processes. Never waits. Safe to repeat."""
        self._ports.add(port)
        self._spent.set()

    def __contains__(self, port: str) -> bool:
        return port in self._ports

    def discard(self, port: str) -> None:
        """Remove a port once the database says that its budget is spent. Safe to repeat."""
        self._ports.discard(port)

    async def wait(self) -> None:
        """Return at once if a budget was spent since the last call, else when the next one is."""
        await self._spent.wait()
        self._spent.clear()
