"""Uptime monitoring: monitors, escalation and status page at a vendor, changed to what a plan wants."""

from collections.abc import Sequence
from typing import Protocol

from domain.uptime import Change, UptimePlan


class UptimeMonitoring(Protocol):
    """Compares an `UptimePlan` with what is set up at the vendor, and makes the vendor's side equal to the plan.

    Source: docs/vendors/betterstack.md.
    """

    async def plan(self, wanted: UptimePlan) -> Sequence[Change]:
        """The changes that `apply` would make, in their order. Changes nothing. Safe to repeat. Raises Unavailable."""

    async def apply(self, wanted: UptimePlan) -> Sequence[Change]:
        """Make the changes and give them; empty if nothing differs. Safe to repeat. Raises Unavailable.

        After Unavailable some of the changes may have been made: `plan` says which are left.
        """
