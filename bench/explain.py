"""Does every query of the query modules read about as much as it gives, at a million rows?

`python -m bench.explain [rows]` fills a PostgreSQL of its own, calls each method of `db.unit_of_work.Queries` and looks
at the plan of each statement that it sends, as it ran. It fails on a large table that is read from end to end, on
buffers out of proportion to the rows, and on a method that it could not call. What is written is rolled back.
"""

import asyncio
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError

from bench.explained_calls import arguments_of, missing_from
from bench.filled_tables import fill
from bench.machine import heading, tell
from db.engine import Database, open_database
from db.migrate import migrate
from db.unit_of_work import CommitWakeUps, Queries, UnitOfWork
from tests.builders.databases import postgresql_database
from tests.builders.fields import FIELDS

ROWS: Final = 1_000_000
# A table below this is read whole as fast as by an index.
LARGE: Final = 10_000
# What the plan's indexes are deep, and what a row costs at the most: its own page and those of its indexes.
BUFFERS_AT_ALL: Final = 150
BUFFERS_A_ROW: Final = 16
# A row that is written anew stands in each of its table's indexes, and leaves each of them.
BUFFERS_A_WRITTEN_ROW: Final = 60
READS: Final = ("SELECT", "UPDATE", "DELETE", "WITH")


@dataclass(frozen=True, slots=True)
class Plan:
    """What one statement did: the large tables it read whole, its buffers, and the most rows of any of its parts."""

    whole: tuple[str, ...]
    buffers: int
    rows: int
    writes: bool

    @property
    def faults(self) -> list[str]:
        allowed = BUFFERS_AT_ALL + (BUFFERS_A_WRITTEN_ROW if self.writes else BUFFERS_A_ROW) * self.rows
        far = [f"{self.buffers} buffers for {self.rows} rows"] if self.buffers > allowed else []
        return [*(f"reads {table} from end to end" for table in self.whole), *far]


@contextmanager
def recorded(database: Database) -> Iterator[dict[str, Any]]:
    """The statements that are sent, each with its last values."""
    found: dict[str, Any] = {}

    def record(_: Connection, __: Any, statement: str, values: Any, ___: Any, many: bool) -> None:
        if statement.lstrip().startswith(READS) and not many:
            found[statement] = values

    engine = database.engines[0]
    event.listen(engine, "before_cursor_execute", record)
    yield found
    event.remove(engine, "before_cursor_execute", record)


async def plan_of(database: Database, statement: str, values: Any, sizes: Mapping[str, int]) -> Plan:
    async with database.write_engine.connect() as connection:
        asked = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        ((whole,),) = (await connection.exec_driver_sql(asked, values)).all()
        await connection.rollback()
    nodes = list(_nodes(whole[0]["Plan"]))
    top = nodes[0]
    read_whole = {
        node["Relation Name"]
        for node in nodes
        if node["Node Type"] == "Seq Scan" and sizes.get(node["Relation Name"], 0) > LARGE and node["Actual Loops"]
    }
    passed_on = [int(node["Actual Rows"] * node["Actual Loops"]) for node in nodes if node["Node Type"] not in _SCANS]
    buffers = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
    writes = any(node["Node Type"] == "ModifyTable" for node in nodes)
    return Plan(tuple(sorted(read_whole)), buffers, max(passed_on, default=1), writes)


# What they pass on is filtered further up, or counted as the table's own.
_SCANS: Final = ("Bitmap Index Scan", "Seq Scan")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


async def call(database: Database, room: str, name: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Call a method in a transaction that is rolled back. Gives its statements, and what it raised before any."""
    failure = None
    with recorded(database) as statements:
        async with UnitOfWork(database.write, CommitWakeUps()) as work:
            try:
                result = getattr(getattr(work, room), name)(**given)
                if inspect.isawaitable(result):
                    await result
                await work.session.flush()
            except IntegrityError:
                pass  # what it adds is there already
            except Exception as error:
                failure = f"{type(error).__name__}: {str(error)[:200]}"
    return statements, None if statements else failure


def methods_of(queries: Queries) -> Iterator[tuple[str, str, Any]]:
    for room, one in vars(queries).items():
        if room.startswith("_") or room == "session" or "Queries" not in type(one).__name__:
            continue
        for name, method in inspect.getmembers(one, inspect.ismethod):
            if not name.startswith("_"):
                yield room, name, method


async def sizes_of(database: Database) -> dict[str, int]:
    async with database.write_engine.connect() as connection:
        found = await connection.execute(text("SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'"))
        return {row.relname: int(row.reltuples) for row in found}


async def explain(database: Database) -> int:
    """Look at every method. Gives how many faults there are, and tells of each."""
    sizes, seen, faults = await sizes_of(database), set[str](), 0
    async with UnitOfWork(database.write, CommitWakeUps()) as work:
        methods = list(methods_of(work))
    for room, name, method in methods:
        if (room, name) in missing_from():
            continue
        statements, failure = await call(database, room, name, arguments_of(method))
        if failure is not None:
            tell(f"{room}.{name}: {failure}")
            faults += 1
        for statement, values in statements.items():
            if statement in seen:
                continue
            seen.add(statement)
            try:
                plan = await plan_of(database, statement, values, sizes)
            except Exception as error:
                tell(f"{room}.{name}: not explained, {str(error)[:200]}")
                continue
            for fault in plan.faults:
                tell(f"{room}.{name}: {fault}\n    {' '.join(statement.split())[:400]}")
                faults += 1
    tell(f"{len(methods)} methods, {len(seen)} statements, {faults} faults")
    return faults


async def main() -> int:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    tell(heading())
    async with postgresql_database() as url:
        database = open_database(url, fields=FIELDS)
        await migrate(database)
        await fill(database, rows)
        try:
            return await explain(database)
        finally:
            await database.close()


if __name__ == "__main__":
    sys.exit(min(asyncio.run(main()), 1))
