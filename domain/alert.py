"""What operators are told of, and how it reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
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
    severity: Severity
    title: str
    message: str
    at: datetime

    def text(self, environment: str) -> str:
        """As the product's document fixes it; the time is UTC, to the minute."""
        return "\n".join(
            (
                f"{_EMOJI[self.severity]} Drop {environment.title()} Alert - {self.severity}",
                f"Title: {self.title}",
                f"Message: {self.message}",
                f"Time: {self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            )
        )
