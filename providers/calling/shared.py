"""What the guards of all processes share: opened breakers and limits over Redis, spent budgets by the database."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from providers.calling.error_budget import SpentBudgets
from providers.calling.guard import Resilience
from providers.calling.shared_breakers import SharedBreakers
from providers.calling.shared_limits import SharedLimits


@dataclass(frozen=True, slots=True)
class SharedCalling:
    """Without Redis, breakers and limits are None: each process counts for itself."""

    breakers: SharedBreakers | None = None
    limits: SharedLimits | None = None
    spent: SpentBudgets = field(default_factory=SpentBudgets)

    def admission(self, name: str, resilience: Resilience) -> Callable[[], Awaitable[None]] | None:
        """What a guard of this name awaits before each call; None where nothing limits it over all processes."""
        if self.limits is None or resilience.per_second is None:
            return None
        return self.limits.admission(name, resilience.per_second)

    def opened(self, name: str) -> None:
        """The breaker of this name has opened here."""
        if self.breakers is not None:
            self.breakers.opened(name)

    async def close(self) -> None:
        """Let go of the connections to Redis."""
        for shared in (self.breakers, self.limits):
            if shared is not None:
                await shared.close()
