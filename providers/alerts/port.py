"""Alerts for operators."""

from typing import Protocol

from domain.alert import Alert


class AlertChannel(Protocol):
    """The channel where operators read alerts. Source: docs/vendors/slack.md."""

    async def send(self, alert: Alert) -> None:
        """Hand over an alert. Raises Unavailable. A repeat may show the alert twice."""
