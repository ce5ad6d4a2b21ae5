"""What is watched from outside, who is told and when, and what the public sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Region(StrEnum):
    EUROPE = "EUROPE"
    US_EAST = "US_EAST"


class Contact(StrEnum):
    SLACK = "SLACK"
    EMAIL = "EMAIL"
    SMS = "SMS"


@dataclass(frozen=True, slots=True)
class Monitor:
    """`url` must answer 200, with `keyword` in it where one is given."""

    name: str
    url: str
    region: Region
    keyword: str | None = None

    @property
    def summary(self) -> str:
        keyword = f" containing {self.keyword}" if self.keyword else ""
        return f"{self.url} is 200{keyword}, from {self.region.value}"


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """`after` is counted from the alarm; `to` is an address or number, empty for Slack."""

    after: timedelta
    contact: Contact
    to: str = ""

    @property
    def summary(self) -> str:
        return f"{self.after.total_seconds() / 60:.0f} min {self.contact.value} {self.to}".strip()


@dataclass(frozen=True, slots=True)
class UptimePlan:
    """Everything that is wanted, by name."""

    monitors: Sequence[Monitor]
    escalation: Sequence[EscalationStep]
    status_page: str

    @property
    def escalation_summary(self) -> str:
        return ", ".join(step.summary for step in self.escalation)

    @property
    def page_summary(self) -> str:
        return f"public, shows {', '.join(monitor.name for monitor in self.monitors)}"


class ChangeKind(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    kind: ChangeKind
    what: str
    detail: str


def uptime_plan(*, public_url: str, landing_url: str, email: str, phone: str, status_page: str) -> UptimePlan:
    """Three monitors, escalation after 0, 5 and 15 minutes, a public page."""
    health = f"{public_url}/api/health"
    is_ok = '"status":"ok"'
    return UptimePlan(
        monitors=(
            Monitor("Drop API", health, Region.EUROPE, is_ok),
            Monitor("Drop landing page", landing_url, Region.EUROPE),
            Monitor("Drop API from US East", health, Region.US_EAST, is_ok),
        ),
        escalation=(
            EscalationStep(timedelta(), Contact.SLACK),
            EscalationStep(timedelta(minutes=5), Contact.EMAIL, email),
            EscalationStep(timedelta(minutes=15), Contact.SMS, phone),
        ),
        status_page=status_page,
    )
