"""Uptime monitoring: what the vendor would have to change, and changing it."""

from collections.abc import Sequence
from typing import Protocol

from domain.uptime import Change, UptimePlan


class UptimeMonitoring(Protocol):
    async def plan(self, wanted: UptimePlan) -> Sequence[Change]:
        """What differs from what is wanted, in the order of its making. Raises Unavailable."""

    async def apply(self, wanted: UptimePlan) -> Sequence[Change]:
        """Make it so, and give what was changed; nothing where nothing differs. Raises Unavailable."""
