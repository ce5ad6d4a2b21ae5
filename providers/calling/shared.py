"""What the guards of all processes share: opened breakers and limits over Redis, spent budgets by the database."""

from dataclasses import dataclass, field

from providers.calling.error_budget import SpentBudgets
from providers.calling.rate import Rate, Turns
from providers.calling.refusals import Refusals
from providers.calling.shared_breakers import SharedBreakers
from providers.calling.shared_limits import SharedLimits


@dataclass(frozen=True, slots=True)
class SharedCalling:
    """What the guards of this process share with those of other processes.

    Without Redis, `breakers` and `limits` are None: each process counts by itself. `spent` are the error budgets that
    were spent here, `refusals` what vendors turn down because of us.
    """

    breakers: SharedBreakers | None = None
    limits: SharedLimits | None = None
    spent: SpentBudgets = field(default_factory=SpentBudgets)
    refusals: Refusals = field(default_factory=Refusals)

    def turns(self, name: str, per_second: float) -> Turns:
        """The turns that the calls of the guard with this name wait for."""
        return self.limits.turns(name, per_second) if self.limits is not None else Rate(per_second)

    def opened(self, name: str, for_s: float) -> None:
        """Publish that the breaker of this name has opened in this process. Never waits. Does nothing without Redis."""
        if self.breakers is not None:
            self.breakers.opened(name, for_s)

    async def close(self) -> None:
        """Close the connections to Redis. Call it when `SharedBreakers.run` has ended."""
        for shared in (self.breakers, self.limits):
            if shared is not None:
                await shared.close()
