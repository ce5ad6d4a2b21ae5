"""Alerts for operators."""

from typing import Protocol

from domain.alert import Alert


class AlertChannel(Protocol):
    async def send(self, alert: Alert) -> None:
        """Hand it over. Raises Unavailable; the caller never lets that reach anybody."""
