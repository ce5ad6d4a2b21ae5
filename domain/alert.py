"""Alerts to operators, and their text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """How urgent an alert is, as operators read it in the alert's first line."""

    INFORMATION = "Information"
    WARNING = "Warning"
    CRITICAL = "Critical"


_EMOJI: Final[Mapping[Severity, str]] = {
    Severity.INFORMATION: "ℹ️",
    Severity.WARNING: "⚠️",
    Severity.CRITICAL: "🚨",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """A message to operators. At most one per title is sent in ten minutes, so a title names a kind of trouble."""

    severity: Severity
    title: str
    message: str
    at: datetime

    def text(self, environment: str) -> str:
        """Four lines, whose form the product's document fixes; the time is UTC, to the minute."""
        return "\n".join(
            (
                f"{_EMOJI[self.severity]} Drop {environment.title()} Alert — {self.severity}",
                f"Title: {self.title}",
                f"Message: {self.message}",
                f"Time: {self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            )
        )
