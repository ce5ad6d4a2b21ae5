"""What the guards of all processes share: opened breakers and limits over Redis, spent budgets by the database."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from providers.calling.error_budget import SpentBudgets
from providers.calling.guard import Resilience
from providers.calling.shared_breakers import SharedBreakers
from providers.calling.shared_limits import SharedLimits


@dataclass(frozen=True, slots=True)
class SharedCalling:
    """What the guards of this process share with those of other processes.

    Without Redis, `breakers` and `limits` are None: each process counts by itself. `spent` are the error budgets that
    were spent here.
    """

    breakers: SharedBreakers | None = None
    limits: SharedLimits | None = None
    spent: SpentBudgets = field(default_factory=SpentBudgets)

    def admission(self, name: str, resilience: Resilience) -> Callable[[], Awaitable[None]] | None:
        """The function that a guard of this name awaits before each call, None if no limit is shared."""
        if self.limits is None or resilience.per_second is None:
            return None
        return self.limits.admission(name, resilience.per_second)

    def opened(self, name: str) -> None:
        """Publish that the breaker of this name has opened in this process. Never waits. Does nothing without Redis."""
        if self.breakers is not None:
            self.breakers.opened(name)

    async def close(self) -> None:
        """Close the connections to Redis. Call it when `SharedBreakers.run` has ended."""
        for shared in (self.breakers, self.limits):
            if shared is not None:
                await shared.close()
