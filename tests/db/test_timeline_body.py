"""A timeline's lines are packed, and are read as they were written: also those of a release before."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from db.engine import open_database
from db.tables.event import TraceEventRow
from db.timeline_body import pack, unpack
from db.unit_of_work import CommitWakeUps, Reading, UnitOfWork
from domain.ids import PaymentId
from domain.timeline import TimelineEntry, TimelineKind

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAYMENT = PaymentId("pay_1")
ENTRIES = st.builds(
    TimelineEntry,
    st.sampled_from(TimelineKind),
    st.text(),
    st.text(),
    st.integers(-(10**9), 10**9).map(lambda ms: NOON + timedelta(milliseconds=ms)),
    st.none() | st.text(min_size=1),
)
# Written by the release that packed lines first: whoever changes the form or its words must still read it.
STORED = "018b8e562a294a4c4ed5056511080b5cba533de9d02a6ec03e35d4313230c09b10636301"
SETTLED = [
    ("trace-1", TimelineEntry(TimelineKind.VENDOR_CALL, "open_banking: status", "answered", NOON)),
    ("trace-1", TimelineEntry(TimelineKind.TRANSITION, "version 4", "SETTLED", NOON)),
    (
        "trace-1",
        TimelineEntry(TimelineKind.WEBHOOK, "processed, from openbanking", "PROCESSING -> SETTLED", NOON, "whk_1"),
    ),
    ("trace-2", TimelineEntry(TimelineKind.JOB, "match_lines", "done", NOON + timedelta(seconds=2))),
]


@given(st.lists(st.tuples(st.text(), ENTRIES), min_size=1))
def test_lines_are_read_as_they_were_packed(lines: list[tuple[str, TimelineEntry]]) -> None:
    assert unpack(pack(lines, NOON), NOON) == lines


def test_lines_that_are_stored_stay_readable() -> None:
    assert unpack(bytes.fromhex(STORED), NOON) == SETTLED


def test_lines_of_a_newer_form_are_refused() -> None:
    with pytest.raises(ValueError, match="version 2"):
        unpack(b"\x02", NOON)


async def test_a_line_of_a_release_before_stands_among_the_packed_ones(either_database_url: str) -> None:
    database = open_database(either_database_url)
    before = {"trace_id": "old", "kind": "JOB", "summary": "ask_bank", "outcome": "done", "at": NOON}
    async with database.write_engine.begin() as connection:
        await connection.execute(insert(TraceEventRow).values(payment_id=PAYMENT, **before))
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        await work.traces.add([(PAYMENT, trace, entry) for trace, entry in SETTLED])
        await work.commit()

    async with partial(Reading, database.read)() as read:
        all_of_them = await read.traces.of_payment(PAYMENT, 10)
        newest = await read.traces.newest(2)
        after = await read.traces.after(all_of_them[1].number, 10)
    await database.close()

    assert [(one.trace_id, one.entry.summary) for one in all_of_them] == [
        ("old", "ask_bank"),
        *((trace, entry.summary) for trace, entry in SETTLED),
    ]
    assert newest == all_of_them[-2:]
    assert after == all_of_them[2:]
    numbers = [one.number for one in all_of_them]
    assert numbers == sorted(set(numbers))
