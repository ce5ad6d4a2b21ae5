"""Uptime monitoring that remembers the applied plan in this process: the plan can be printed without a vendor."""

from collections.abc import Mapping, Sequence
from typing import Final

from domain.uptime import Change, ChangeKind, UptimePlan
from providers.declaration import MOCK, NoSettings, Tools, Vendor


class MockUptime:
    """Keeps the applied plan in memory and monitors nothing. Never raises Unavailable."""

    def __init__(self) -> None:
        self._applied: Mapping[str, str] = {}

    async def plan(self, wanted: UptimePlan) -> Sequence[Change]:
        new = _summaries(wanted)
        changes = [
            Change(ChangeKind.UPDATE if what in self._applied else ChangeKind.CREATE, what, detail)
            for what, detail in new.items()
            if self._applied.get(what) != detail
        ]
        gone = [Change(ChangeKind.DELETE, what, detail) for what, detail in self._applied.items() if what not in new]
        return [*changes, *gone]

    async def apply(self, wanted: UptimePlan) -> Sequence[Change]:
        changes = await self.plan(wanted)
        self._applied = _summaries(wanted)
        return changes


def _summaries(wanted: UptimePlan) -> dict[str, str]:
    return {
        "escalation policy": wanted.escalation_summary,
        **{f"monitor {monitor.name}": monitor.summary for monitor in wanted.monitors},
        f"status page {wanted.status_page}": wanted.page_summary,
    }


def _build(settings: NoSettings, tools: Tools) -> MockUptime:
    return MockUptime()


VENDOR: Final = Vendor(MOCK, NoSettings, _build)
