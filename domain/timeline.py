"""What one request or job does, noted as it happens, so that a payment's way can be told afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.clock import Clock
from domain.ids import PaymentId


class TimelineKind(StrEnum):
    OPERATION = "OPERATION"
    VENDOR_CALL = "VENDOR_CALL"
    REDIRECT = "REDIRECT"
    WEBHOOK = "WEBHOOK"
    TRANSITION = "TRANSITION"
    JOB = "JOB"
    PUSH = "PUSH"


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line: what was done, and what came of it or why nothing did. Never a body, a secret or a number."""

    kind: TimelineKind
    summary: str
    outcome: str
    at: datetime
    webhook_id: str | None = None


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """A line of a payment's timeline; `number` rises over all payments."""

    number: int
    payment_id: PaymentId
    trace_id: str
    note: TimelineEntry


@dataclass(slots=True)
class Trace:
    """`payments` are the ones that it touched; without any its notes are of no interest."""

    id: str
    clock: Clock
    notes: list[TimelineEntry] = field(default_factory=list)
    payments: set[PaymentId] = field(default_factory=set)


_current: Final[ContextVar[Trace | None]] = ContextVar("trace", default=None)


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Everything within belongs to this trace."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the trace under way, for a line whose outcome is known only later."""

    position: int
    at: datetime


def mark() -> Mark | None:
    """Here, None where nothing is traced."""
    trace = _current.get()
    return Mark(len(trace.notes), trace.clock.now()) if trace is not None else None


def record(
    kind: TimelineKind, summary: str, outcome: str, *, webhook_id: str | None = None, since: Mark | None = None
) -> None:
    """Add a line to the trace under way, if there is one; where it began, if `since` tells."""
    trace = _current.get()
    if trace is not None:
        begun = since or Mark(len(trace.notes), trace.clock.now())
        trace.notes.insert(begun.position, TimelineEntry(kind, summary, outcome, begun.at, webhook_id))


def about(payment_id: PaymentId) -> None:
    """The trace under way touches this payment."""
    trace = _current.get()
    if trace is not None:
        trace.payments.add(payment_id)


def trace_id() -> str | None:
    trace = _current.get()
    return trace.id if trace is not None else None
