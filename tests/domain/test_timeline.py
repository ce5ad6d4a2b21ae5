from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from domain.ids import PaymentId, UserId
from domain.timeline import MOST_ENTRIES, TimelineKind, Trace, about, mark, record, trace_id, tracing

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class RisingClock:
    """A second later at each look."""

    def __init__(self) -> None:
        self._at = NOON

    def now(self) -> datetime:
        self._at += timedelta(seconds=1)
        return self._at


@pytest.fixture
def trace() -> Iterator[Trace]:
    with tracing(Trace("trace-1", RisingClock())) as current:
        yield current


def test_entries_stand_in_order_with_their_times(trace: Trace) -> None:
    record(TimelineKind.OPERATION, "initiatePayment", "CREATED")
    record(TimelineKind.WEBHOOK, "openbanking", "PROCESSED", webhook_id="whk_1")

    assert [(entry.summary, entry.webhook_id) for entry in trace.entries] == [
        ("initiatePayment", None),
        ("openbanking", "whk_1"),
    ]
    assert [entry.at for entry in trace.entries] == [NOON + timedelta(seconds=1), NOON + timedelta(seconds=2)]


def test_an_entry_whose_outcome_comes_late_stands_where_it_began(trace: Trace) -> None:
    record(TimelineKind.OPERATION, "before", "ok")
    begun = mark()
    record(TimelineKind.TRANSITION, "within", "ok")

    record(TimelineKind.VENDOR_CALL, "began earlier", "answered", since=begun)

    assert [entry.summary for entry in trace.entries] == ["before", "began earlier", "within"]
    assert [entry.at for entry in trace.entries] == sorted(entry.at for entry in trace.entries)


def test_work_that_goes_on_for_hours_keeps_its_first_entries(trace: Trace) -> None:
    with tracing(trace):
        for number in range(MOST_ENTRIES + 1):
            record(TimelineKind.VENDOR_CALL, str(number), "answered")

    assert [entry.summary for entry in trace.entries] == [str(number) for number in range(MOST_ENTRIES)]


def test_a_trace_knows_each_payment_that_it_touched_once(trace: Trace) -> None:
    for payment_id in ("pay_1", "pay_2", "pay_1"):
        about(PaymentId(payment_id), UserId("usr_1"))

    assert trace.payments == {"pay_1": "usr_1", "pay_2": "usr_1"}


def test_work_within_work_has_a_trace_of_its_own_and_gives_the_outer_one_back(trace: Trace) -> None:
    with tracing(Trace("trace-2", RisingClock())) as inner:
        record(TimelineKind.JOB, "inner", "done")
        assert trace_id() == "trace-2"

    assert trace_id() == "trace-1"
    assert [entry.summary for entry in inner.entries] == ["inner"]
    assert not trace.entries


def test_the_outer_trace_comes_back_after_an_error_too(trace: Trace) -> None:
    with pytest.raises(RuntimeError), tracing(Trace("trace-2", RisingClock())):
        raise RuntimeError

    assert trace_id() == trace.id


def test_without_a_trace_nothing_is_recorded_and_nothing_fails() -> None:
    record(TimelineKind.JOB, "sweep", "done")
    about(PaymentId("pay_1"), UserId("usr_1"))

    assert (mark(), trace_id()) == (None, None)
