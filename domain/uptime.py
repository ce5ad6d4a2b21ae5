"""Uptime monitoring from outside: monitors, who is alerted of an outage and when, and the public status page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Region(StrEnum):
    """From where a monitor asks."""

    EUROPE = "EUROPE"
    US_EAST = "US_EAST"


class Contact(StrEnum):
    """A way to alert people of an outage."""

    SLACK = "SLACK"
    EMAIL = "EMAIL"
    SMS = "SMS"


@dataclass(frozen=True, slots=True)
class Monitor:
    """A check from one region: `url` must answer 200, and contain `keyword` where there is one."""

    name: str
    url: str
    region: Region
    keyword: str | None = None

    @property
    def summary(self) -> str:
        """For people: the text of a planned change."""
        keyword = f" containing {self.keyword}" if self.keyword else ""
        return f"{self.url} is 200{keyword}, from {self.region.value}"


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """Who is alerted of an outage after some time. `after` counts from the outage; `to` is empty for Slack."""

    after: timedelta
    contact: Contact
    to: str = ""

    @property
    def summary(self) -> str:
        return f"{self.after.total_seconds() / 60:.0f} min {self.contact.value} {self.to}".strip()


@dataclass(frozen=True, slots=True)
class UptimePlan:
    """What the uptime vendor is to have. A monitor is found again by its name."""

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
    """What applying the plan does at the uptime vendor."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the plan and what the uptime vendor has; `what` and `detail` are for people."""

    kind: ChangeKind
    what: str
    detail: str


def uptime_plan(*, public_url: str, landing_url: str, email: str, phone: str, status_page: str) -> UptimePlan:
    """Three monitors, escalation after 0, 5 and 15 minutes, and a public page. The URLs have no final slash."""
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
