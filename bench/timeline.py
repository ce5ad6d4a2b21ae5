"""What does a payment's timeline cost to keep on either rail, packed and as a row for each line?

`python -m bench.timeline` plays a payment of each rail and writes its lines, as a `serve` and a `worker` would, many
times into a PostgreSQL of its own.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from bench.machine import heading, tell
from db.engine import Database, open_database
from db.ids import new_id
from db.migrate import migrate
from db.timeline import TraceLine
from db.unit_of_work import CommitWakeUps, UnitOfWork
from domain.clock import time_of
from domain.ids import PaymentId
from domain.timeline import TimelineEntry, TimelineKind
from tests.builders.cards import paid
from tests.builders.databases import postgresql_database
from tests.builders.gateway import Play, a_payment, pay, playing
from tests.conftest import NOON

COPIES: Final = 2_000
# As the table was before its rows held several lines.
LINE_BY_LINE: Final = (
    "CREATE TABLE line_by_line (LIKE trace_event INCLUDING DEFAULTS)",
    "ALTER TABLE line_by_line ADD PRIMARY KEY (number)",
    "CREATE INDEX ON line_by_line (payment_id, number)",
    "CREATE INDEX ON line_by_line (at)",
)
ADD_LINE: Final = text("""INSERT INTO line_by_line
    (number, payment_id, trace_id, kind, summary, outcome, webhook_id, at)
    VALUES (:number, :payment_id, :trace_id, :kind, :summary, :outcome, :webhook_id, :at)""")


async def lines_of(play: Play, payment: str) -> list[tuple[str, TimelineEntry]]:
    told = (await play.browser().http.get(f"/api/operator/payments/{payment}/timeline")).json()["events"]
    return [(one["trace"], _entry_of(one)) for one in told]


def _entry_of(told: dict[str, Any]) -> TimelineEntry:
    at = time_of(told["at"])
    assert at is not None
    return TimelineEntry(TimelineKind(told["kind"]), told["summary"], told["outcome"], at, told["webhook"])


def written_at_once(lines: Sequence[tuple[str, TimelineEntry]]) -> Iterator[list[tuple[str, TimelineEntry]]]:
    """Each request and each job by itself: where they fall into one flush of one process, there are fewer rows."""
    own: list[tuple[str, TimelineEntry]] = []
    for trace, entry in lines:
        if own and (own[-1][0] != trace or own[-1][1].kind is TimelineKind.JOB):
            yield own
            own = []
        own.append((trace, entry))
    yield own


async def size(database: Database, table: str) -> int:
    async with database.write_engine.connect() as connection:
        return int((await connection.execute(text(f"SELECT pg_total_relation_size('{table}')"))).scalar_one())


async def keep(database: Database, lines: Sequence[tuple[str, TimelineEntry]]) -> tuple[float, float]:
    """How many bytes of the table and its indexes a payment costs, packed and line by line."""
    async with database.write_engine.begin() as connection:
        await connection.execute(text("TRUNCATE trace_event"))
        await connection.execute(text("DROP TABLE IF EXISTS line_by_line"))
        for statement in LINE_BY_LINE:
            await connection.execute(text(statement))
    payments = [PaymentId(new_id("pay", NOON)) for _ in range(COPIES)]
    work = partial(UnitOfWork, database.write, CommitWakeUps())
    for own in written_at_once(lines):
        copies: list[TraceLine] = [(payment, trace, entry) for payment in payments for trace, entry in own]
        async with work() as writing:
            await writing.traces.add(copies)
            await writing.commit()
    rows = [
        {
            "number": place * COPIES + number,
            "payment_id": payment,
            "trace_id": trace,
            **{name: getattr(entry, name) for name in ("kind", "summary", "outcome", "webhook_id", "at")},
        }
        for place, (trace, entry) in enumerate(lines)
        for number, payment in enumerate(payments)
    ]
    async with database.write_engine.begin() as connection:
        await connection.execute(ADD_LINE, rows)
    return await size(database, "trace_event") / COPIES, await size(database, "line_by_line") / COPIES


async def measure() -> None:
    tell(heading())
    async with postgresql_database() as url:
        database = open_database(url)
        await migrate(database)
        async with playing(url, Path(tempfile.mkdtemp()), NOON) as play:
            kari, account = await play.banked()
            payment = (await pay(kari, a_payment(account)))["payment"]
            await kari.press(payment["authorisationUrl"], "approve")
            await play.advance(days=1)
            card = await paid(kari)
            await play.advance(days=1)
            told = {"bank": await lines_of(play, payment["id"]), "card": await lines_of(play, card)}
        for rail, lines in told.items():
            packed, line_by_line = await keep(database, lines)
            share = packed / line_by_line
            tell(f"{rail}: {len(lines)} lines, {packed:.0f} bytes, {line_by_line:.0f} line by line: {share:.0%}")
        await database.close()


if __name__ == "__main__":
    asyncio.run(measure())
