"""People made ready once per process: what signing in, KYC and a bank's consent leave behind, to be put back at once.

Going through these doors costs half a second of CPU, and most tests begin behind them.
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, insert, select
from sqlmodel import update

from db.clock_offset import load_offset
from db.engine import Database
from db.tables.all import METADATA
from db.tables.user import SessionRow, UserRow
from domain.session import ACCESS_LIFETIME
from gateway.app import Gateway
from sandbox.store import TABLES

Rows = dict[str, list[dict[str, Any]]]
Key = tuple[object, ...]


@dataclass(frozen=True)
class _Ready:
    """All that a gateway and its sandbox hold, and the cookies of the person in it."""

    gateway: sqlite3.Connection | Rows
    sandbox: sqlite3.Connection
    cookies: httpx.Cookies


_kept: dict[Key, _Ready] = {}


async def is_untouched(gateway: Gateway) -> bool:
    """Whether nobody has been here, and the sandbox was told nothing."""
    async with gateway.infrastructure.database.read() as session:
        users = await session.scalar(select(func.count()).select_from(UserRow))
    store = sqlite3.connect(gateway.settings.sandbox_path)
    told = [store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]
    store.close()
    return users == 0 and not any(told) and not gateway.clock.offset.ahead


async def put_back(gateway: Gateway, http: httpx.AsyncClient, key: Key) -> bool:
    """Put a new gateway where one stood that was kept, with its person signed in now. Gives whether there was one."""
    ready = _kept.get((gateway.infrastructure.database.is_sqlite, *key))
    if ready is None:
        return False
    database = gateway.infrastructure.database
    _copy(ready.sandbox, gateway.settings.sandbox_path)
    if isinstance(ready.gateway, sqlite3.Connection):
        _copy(ready.gateway, _file(database))
    else:
        await _write(database, ready.gateway)
    await _sign_in_anew(database)
    gateway.clock.follow(await load_offset(database))
    http.cookies.update(ready.cookies)
    return True


async def keep(gateway: Gateway, http: httpx.AsyncClient, key: Key) -> None:
    """Keep where a gateway stands for the tests of this process that come."""
    await gateway.services.timeline.flush()
    database = gateway.infrastructure.database
    rows = _in_memory(_file(database)) if database.is_sqlite else await _rows(database)
    _kept[database.is_sqlite, *key] = _Ready(
        rows,
        _in_memory(gateway.settings.sandbox_path),
        httpx.Cookies(http.cookies),  # which a test may change
    )


def _file(database: Database) -> Path:
    return Path(str(database.write_engine.url.database))


def _in_memory(path: Path) -> sqlite3.Connection:
    copy = sqlite3.connect(":memory:")
    with sqlite3.connect(path) as source:
        source.backup(copy)
    source.close()
    return copy


def _copy(source: sqlite3.Connection, path: Path) -> None:
    with sqlite3.connect(path) as target:
        source.backup(target)
    target.close()


async def _rows(database: Database) -> Rows:
    async with database.read_engine.connect() as connection:
        return {
            table.name: [dict(row) for row in (await connection.execute(select(table))).mappings()]
            for table in METADATA.sorted_tables
        }


async def _write(database: Database, rows: Rows) -> None:
    async with database.write_engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            await connection.execute(table.delete())
        for table in METADATA.sorted_tables:
            if rows[table.name]:
                await connection.execute(insert(table), rows[table.name])


async def _sign_in_anew(database: Database) -> None:
    """A session's times are the machine's, which has gone on since."""
    now = datetime.now(UTC)
    async with database.write() as session:
        await session.exec(
            update(SessionRow).values(
                created_at=now,
                last_seen_at=now,
                authenticated_at=now,
                token_expires_at=now + ACCESS_LIFETIME,
                expires_at=now + timedelta(hours=12),
            )
        )
        await session.commit()
