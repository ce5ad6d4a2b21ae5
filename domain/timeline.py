"""What one request or job does, recorded as it happens: the timeline of each payment is made of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.clock import Clock
from domain.ids import PaymentId, UserId


class TimelineKind(StrEnum):
    """What sort of thing happened. The values are stored."""

    OPERATION = "OPERATION"
    VENDOR_CALL = "VENDOR_CALL"
    REDIRECT = "REDIRECT"
    WEBHOOK = "WEBHOOK"
    TRANSITION = "TRANSITION"
    JOB = "JOB"
    PUSH = "PUSH"


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """What was done, and what came of it or why nothing did. Never a request's body, a secret or an account number.

    `at` is the product's time; `webhook_id` is set for a webhook, so that an operator can process it again.
    """

    kind: TimelineKind
    summary: str
    outcome: str
    at: datetime
    webhook_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry of one payment's timeline, as it is read back. `number` rises over all payments."""

    number: int
    payment_id: PaymentId
    trace_id: str
    entry: TimelineEntry


# Of a trace: a subscription goes on for hours.
MOST_ENTRIES: Final = 1_000


@dataclass(slots=True)
class Trace:
    """The entries of one request or job so far, the first thousand of them.

    `payments` are the payments that the work touched, each with its user; the entries of a trace without any are not
    stored.
    """

    id: str
    clock: Clock
    entries: list[TimelineEntry] = field(default_factory=list)
    payments: dict[PaymentId, UserId] = field(default_factory=dict)


_current: Final[ContextVar[Trace | None]] = ContextVar("trace", default=None)


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Whatever is recorded within the block is an entry of this trace."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where an entry of the current trace belongs whose outcome is known only later, such as a vendor call's."""

    position: int
    at: datetime


def mark() -> Mark | None:
    """The end of the current trace as it stands; None where no trace is current."""
    trace = _current.get()
    return Mark(len(trace.entries), trace.clock.now()) if trace is not None else None


def record(
    kind: TimelineKind, summary: str, outcome: str, *, webhook_id: str | None = None, since: Mark | None = None
) -> None:
    """Add an entry to the current trace, at its end or at the mark `since`. Without a current trace nothing is done."""
    trace = _current.get()
    if trace is not None and len(trace.entries) < MOST_ENTRIES:
        begun = since or Mark(len(trace.entries), trace.clock.now())
        trace.entries.insert(begun.position, TimelineEntry(kind, summary, outcome, begun.at, webhook_id))


def about(payment_id: PaymentId, user_id: UserId) -> None:
    """The current trace touches this user's payment, so that its entries belong to the payment's timeline."""
    trace = _current.get()
    if trace is not None:
        trace.payments[payment_id] = user_id


def payments() -> Mapping[PaymentId, UserId]:
    """The payments that the current trace has touched so far, each with its user."""
    trace = _current.get()
    return trace.payments if trace is not None else {}


def attributes() -> Mapping[str, Sequence[str]]:
    """What a span of the current trace tells: the ids of the payments that were touched so far."""
    touched = sorted(payments())
    return {"drop.payment_id": touched} if touched else {}


def trace_id() -> str | None:
    """The id of the current trace; None where no trace is current."""
    trace = _current.get()
    return trace.id if trace is not None else None
