"""Engines and session makers for SQLite and PostgreSQL. A statement's values never stand in its error.

On SQLite there are two engines: `write` (BEGIN IMMEDIATE on a pool of one, so that waiting is a fair queue) and
`read` (query only, a pool of five). On PostgreSQL both share one pool, and a read is one snapshot.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

from db.connections import Connections
from db.field_encryption import FieldEncryption
from db.pool import TimedPool
from db.postgresql import postgresql_engine, watching, without_deadlines
from db.sealed import FIELDS
from db.sqlite_inline import DRIVER
from db.watch import DatabaseWatch

_DRIVERS = {"sqlite": DRIVER, "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
# Writers wait in a fair queue, and readers for one of five connections.
_SQLITE_WAIT_S: Final = 10
CONNECTIONS: Final = 20


@dataclass(frozen=True, slots=True)
class Database:
    """Engines and session makers for writing and reading. Call `close` before the process ends."""

    write_engine: AsyncEngine
    read_engine: AsyncEngine
    write: async_sessionmaker[AsyncSession]
    read: async_sessionmaker[AsyncSession]
    watch: DatabaseWatch

    @property
    def is_sqlite(self) -> bool:
        return self.write_engine.dialect.name == "sqlite"

    @property
    def engines(self) -> Sequence[Engine]:
        """The engines whose statements can be observed: on PostgreSQL, reads go through the engine that writes."""
        own = [self.write_engine, self.read_engine] if self.is_sqlite else [self.write_engine]
        return [engine.sync_engine for engine in own]

    def connections_used(self) -> float:
        """The share, 0 to 1, of the connections for writing that are in use; on PostgreSQL those for reading, too."""
        pool = self.write_engine.sync_engine.pool
        assert isinstance(pool, AsyncAdaptedQueuePool)
        return pool.checkedout() / pool.size()

    async def close(self) -> None:
        """Close every pooled connection. Safe to repeat."""
        await self.write_engine.dispose()
        await self.read_engine.dispose()


def async_url(url: str) -> URL:
    """The URL with the async driver of its database. Raises ValueError for any other database."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend not in _DRIVERS:
        raise ValueError(f"DATABASE_URL must start with sqlite:/// or postgresql://, not {backend}")
    return parsed.set(drivername=_DRIVERS[backend])


def open_database(url: str, connections: int = CONNECTIONS, fields: FieldEncryption | None = None) -> Database:
    """Open the database; nothing is connected before the first query. `connections` is how many PostgreSQL gives.

    Without `fields`, the key ring, no row that has encrypted values is read or written.
    """
    target = async_url(url)
    if target.get_backend_name() == "sqlite":
        return _open_sqlite(target, fields)
    opened = Connections()
    write = postgresql_engine(target, opened, connections)
    # Every statement of a read sees the same state of the database, as on SQLite.
    read = write.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    watch = DatabaseWatch(write, opened, watching(write, opened))
    return Database(write, read, _sessions(write, fields), _sessions(read, fields), watch)


def _open_sqlite(target: URL, fields: FieldEncryption | None) -> Database:
    if target.database:
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    # Each BEGIN is sent below: the driver's own would take the write lock only at the first write.
    write = create_async_engine(
        target,
        poolclass=TimedPool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=_SQLITE_WAIT_S,
        hide_parameters=True,
    )
    read = create_async_engine(
        target,
        poolclass=TimedPool,
        pool_size=5,
        max_overflow=0,
        pool_timeout=_SQLITE_WAIT_S,
        hide_parameters=True,
    )
    _prepare_sqlite(write, begin="BEGIN IMMEDIATE", query_only=False)
    _prepare_sqlite(read, begin="BEGIN", query_only=True)
    return Database(write, read, _sessions(write, fields), _sessions(read, fields), DatabaseWatch(write, Connections()))


@asynccontextmanager
async def rebuilding(database: Database) -> AsyncIterator[AsyncConnection]:
    """A transaction that may rebuild tables, and that may take as long as this takes.

    On SQLite foreign keys are checked at its end: a rebuilt table is dropped before.
    """
    if not database.is_sqlite:
        async with without_deadlines(database.write_engine.url) as connection:
            yield connection
        # Connections that are open keep plans for the tables as they were.
        await database.write_engine.dispose()
        return
    engine = create_async_engine(database.write_engine.url, poolclass=NullPool, hide_parameters=True)
    _prepare_sqlite(engine, begin="BEGIN IMMEDIATE", query_only=False, foreign_keys=False)
    try:
        async with engine.begin() as connection:
            yield connection
            broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
            assert not broken, "a migration left rows that point at nothing"
    finally:
        await engine.dispose()


def _prepare_sqlite(engine: AsyncEngine, *, begin: str, query_only: bool, foreign_keys: bool = True) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        if query_only:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _sessions(engine: AsyncEngine, fields: FieldEncryption | None) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False, info={FIELDS: fields})
