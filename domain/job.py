"""Work that follows a change and is done later, by whichever process takes it off the queue."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

_VERSION = "version"


class UnknownJobVersion(Exception):
    """The job was queued by a newer release, which may mean another thing by what it carries."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work; each kind is a frozen dataclass whose fields are JSON's own types.

    `kind` is stored, so it never changes. A field that a kind gains has a default, for the jobs that are queued
    already. A change that the release before cannot work off raises `version`, and `of` then reads both.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1

    @property
    def row_id(self) -> str | None:
        """The row that stands still without this job; None where no row waits for it.

        A sweep starts a job for every row that waits and has none, so each kind of row has one kind of job or more.
        """
        return None

    def payload(self) -> dict[str, Any]:
        """As it is stored. Version 1 is not written, so that releases from before versions work it off, too."""
        carried = asdict(self)
        return carried if self.version == 1 else {**carried, _VERSION: self.version}

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Self:
        """The job of a stored payload. Raises UnknownJobVersion where a newer release queued it."""
        if payload.get(_VERSION, 1) > cls.version:
            raise UnknownJobVersion(f"{cls.kind} of version {payload[_VERSION]}")
        return cls(**{name: value for name, value in payload.items() if name != _VERSION})


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job as the queue holds it; `due_at` is the product's time.

    `attempts` are all tries; `faults` are those that failed by a fault of our own, and not by a vendor's. `span` is the
    OpenTelemetry span that queued it, None without a collector.
    """

    id: str
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    due_at: datetime
    trace_id: str | None
    last_error: str | None = None
    faults: int = 0
    span: str | None = None
