"""What the vendors know: documents by kind and id, due work, the ledger, and webhook deliveries.

One SQLite file of the sandbox's own, so that what a vendor knows survives a gateway that was killed.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.database import SqliteFile

Document = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, id TEXT NOT NULL, reference TEXT, owner TEXT, number INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS document_reference ON document (kind, reference);
CREATE INDEX IF NOT EXISTS document_owner ON document (kind, owner);
CREATE INDEX IF NOT EXISTS document_number ON document (kind, number);
CREATE TABLE IF NOT EXISTS due (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, what TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS due_at ON due (at, id);
CREATE TABLE IF NOT EXISTS booking (
    id INTEGER PRIMARY KEY AUTOINCREMENT, payment_id TEXT NOT NULL UNIQUE, booked_at TEXT NOT NULL,
    debtor TEXT NOT NULL, creditor TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS booking_debtor ON booking (debtor);
CREATE INDEX IF NOT EXISTS booking_creditor ON booking (creditor);
CREATE TABLE IF NOT EXISTS charge (
    id INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL UNIQUE, charged_at TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS idempotency_key (
    kind TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (kind, key));
CREATE TABLE IF NOT EXISTS object (path TEXT PRIMARY KEY, content_type TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, provider TEXT NOT NULL, status INTEGER, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
# Reads within a transaction see its writes; other reads see only what is committed.
_is_inside: ContextVar[bool] = ContextVar("is_inside", default=False)
TABLES = ("document", "due", "booking", "charge", "idempotency_key", "object", "delivery", "counter")


class UnreadableStore(Exception):
    """The file is no store of ours, is damaged, or cannot be written. The message is SQLite's own."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something that a vendor does by itself when its time has come."""

    id: int
    at: datetime
    what: str
    body: Document


class Store:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()
        self._writer: SqliteFile | None = None
        self._reader: SqliteFile | None = None
        # Of its own: whole files are read in threads.
        self._file_reader: SqliteFile | None = None

    async def open(self) -> None:
        """Raises UnreadableStore."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = SqliteFile(self._path)
            await self._writer.prepare(_SCHEMA)
            self._reader = SqliteFile(self._path)
            await self._reader.prepare()
            self._file_reader = SqliteFile(self._path)
            await self._file_reader.prepare()
        except (sqlite3.Error, OSError) as error:
            await self.close()
            raise UnreadableStore(str(error)) from error

    async def close(self) -> None:
        for connection in (self._writer, self._reader, self._file_reader):
            if connection is not None:
                connection.close()

    @asynccontextmanager
    async def transaction(self, *, has_files: bool = False) -> AsyncIterator[None]:
        """One change of the vendors' world at a time, whole or not at all. With whole files it is written in a thread."""
        async with self._lock:
            # A turn of the loop: statements alone never give one to others.
            await asyncio.sleep(0)
            await self._db.execute("BEGIN IMMEDIATE")
            token = _is_inside.set(True)
            try:
                yield
                await (self._db.execute_aside if has_files else self._db.execute)("COMMIT")
            finally:
                _is_inside.reset(token)
                # Where it was not committed: a full disk may have ended it already.
                if self._db.is_in_transaction:
                    await self._db.execute("ROLLBACK")

    async def put(
        self, kind: str, identifier: str, body: Document, *, reference: str | None = None, owner: str | None = None
    ) -> None:
        """Write a document. `reference` stays as first written; `owner` is as last written."""
        await self._db.execute(
            "INSERT INTO document (kind, id, reference, owner, number, body) "
            "VALUES (?, ?, ?, ?, (SELECT COALESCE(MAX(number), 0) + 1 FROM document WHERE kind = ?), ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, owner = excluded.owner",
            (kind, identifier, reference, owner, kind, json.dumps(body)),
        )

    async def get(self, kind: str, identifier: str) -> Document | None:
        return await self._one("SELECT body FROM document WHERE kind = ? AND id = ?", kind, identifier)

    async def by_reference(self, kind: str, reference: str) -> Document | None:
        """The first document with this reference: a bank takes the same order twice, and makes two payments of it."""
        query = "SELECT body FROM document WHERE kind = ? AND reference = ? ORDER BY number LIMIT 1"
        return await self._one(query, kind, reference)

    async def remember(self, kind: str, key: str, identifier: str, at: datetime) -> None:
        """Keep which document a request with this idempotency key has made."""
        await self._db.execute(
            "INSERT OR REPLACE INTO idempotency_key (kind, key, id, at) VALUES (?, ?, ?, ?)",
            (kind, key, identifier, _key(at)),
        )

    async def by_key(self, kind: str, key: str, since: datetime) -> Document | None:
        """What a request with this idempotency key has made since a time."""
        query = (
            "SELECT body FROM document JOIN idempotency_key USING (kind, id) "
            "WHERE kind = ? AND idempotency_key.key = ? AND at >= ?"
        )
        return await self._one(query, kind, key, _key(since))

    async def by_metadata(self, kind: str, name: str, value: str) -> list[Document]:
        """The documents that bear this in their metadata, the newest first."""
        query = (
            "SELECT body FROM document WHERE kind = ? AND json_extract(body, '$.metadata.' || ?) = ? "
            "ORDER BY number DESC"
        )
        return await self._all(query, kind, name, value)

    async def of_owner(self, kind: str, owner: str) -> list[Document]:
        return await self._all("SELECT body FROM document WHERE kind = ? AND owner = ? ORDER BY number", kind, owner)

    async def delete(self, kind: str, identifier: str) -> None:
        await self._db.execute("DELETE FROM document WHERE kind = ? AND id = ?", (kind, identifier))

    async def newest(self, kind: str, limit: int = 50) -> list[Document]:
        return await self._all("SELECT body FROM document WHERE kind = ? ORDER BY number DESC LIMIT ?", kind, limit)

    async def made_between(
        self, kind: str, since_s: int, until_s: int, after: str | None, limit: int
    ) -> list[Document]:
        """Those whose `created` lies in this time, newest first, from the one after `after` on."""
        before = "AND number < (SELECT number FROM document WHERE kind = ?1 AND id = ?4)" if after else "AND ?4 IS NULL"
        query = (
            "SELECT body FROM document WHERE kind = ?1 AND json_extract(body, '$.created') >= ?2 "
            f"AND json_extract(body, '$.created') < ?3 {before} ORDER BY number DESC LIMIT ?5"
        )
        return await self._all(query, kind, since_s, until_s, after, limit)

    async def next_number(self, name: str) -> int:
        """1, 2, 3, ...: identifiers that are the same on every run."""
        cursor = await self._db.execute(
            "INSERT INTO counter (name, value) VALUES (?, 1) "
            "ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            (name,),
        )
        row = cursor.fetchone()
        assert row is not None
        return int(row[0])

    async def schedule(self, at: datetime, what: str, body: Document) -> None:
        await self._db.execute("INSERT INTO due (at, what, body) VALUES (?, ?, ?)", (_key(at), what, json.dumps(body)))

    async def next_due(self) -> Due | None:
        cursor = await self._view.execute("SELECT id, at, what, body FROM due ORDER BY at, id LIMIT 1")
        row = cursor.fetchone()
        return Due(row[0], datetime.fromisoformat(row[1]), row[2], json.loads(row[3])) if row else None

    async def done(self, due: Due) -> None:
        await self._db.execute("DELETE FROM due WHERE id = ?", (due.id,))

    async def forget(self, what: str, key: str, value: str) -> None:
        """Delete due work of an object, such as the end of its page."""
        await self._db.execute(
            "DELETE FROM due WHERE what = ? AND json_extract(body, '$.' || ?) = ?", (what, key, value)
        )

    async def book(self, at: datetime, body: Document) -> None:
        """Book a transfer. The payment's id is unique in the ledger, so no payment is booked twice."""
        await self._db.execute(
            "INSERT INTO booking (payment_id, booked_at, debtor, creditor, body) VALUES (?, ?, ?, ?, ?)",
            (body["paymentId"], _key(at), body["debtor"], body["creditor"], json.dumps(body)),
        )

    async def unbook(self, number: str) -> None:
        """Take away the bookings that touch an account."""
        await self._db.execute("DELETE FROM booking WHERE debtor = ?1 OR creditor = ?1", (number,))

    async def bookings(self, limit: int = 10_000) -> list[Document]:
        """The whole ledger, oldest first."""
        return await self._all("SELECT body FROM booking ORDER BY id LIMIT ?", limit)

    async def bookings_of(self, number: str) -> list[Document]:
        """The bookings that touch an account, oldest first."""
        query = "SELECT body FROM booking WHERE debtor = ?1 OR creditor = ?1 ORDER BY id"
        return await self._all(query, number)

    async def charge(self, at: datetime, reference: str, body: Document) -> None:
        """Charge a card. The reference (a payment intent, an invoice) is unique, so nothing is charged twice."""
        await self._db.execute(
            "INSERT INTO charge (reference, charged_at, body) VALUES (?, ?, ?)", (reference, _key(at), json.dumps(body))
        )

    async def charges(self, limit: int = 10_000) -> list[Document]:
        """Every charge of a card, oldest first."""
        return await self._all("SELECT body FROM charge ORDER BY id LIMIT ?", limit)

    async def put_object(self, path: str, content_type: str, body: bytes) -> None:
        await self._db.execute_aside(
            "INSERT OR REPLACE INTO object (path, content_type, body) VALUES (?, ?, ?)", (path, content_type, body)
        )

    async def stored_object(self, path: str) -> tuple[str, bytes] | None:
        """The type and body of a stored object."""
        cursor = await self._files.execute_aside("SELECT content_type, body FROM object WHERE path = ?", (path,))
        row = cursor.fetchone()
        return (row[0], row[1]) if row else None

    async def join_objects(self, first: str, last: str, to: str) -> None:
        """One object of all whose paths stand from `first` to `last`; these are then gone."""
        await self._db.execute_aside(
            # The pieces are bytes all along: SQLite joins them as they are.
            "INSERT OR REPLACE INTO object (path, content_type, body) "
            "SELECT ?, max(content_type), CAST(group_concat(body, '') AS BLOB) "
            "FROM (SELECT content_type, body FROM object WHERE path BETWEEN ? AND ? ORDER BY path)",
            (to, first, last),
        )
        await self.delete_objects(first, last)

    async def delete_objects(self, first: str, last: str) -> None:
        await self._db.execute("DELETE FROM object WHERE path BETWEEN ? AND ?", (first, last))

    async def part_of_object(self, path: str, start: int, limit: int) -> bytes | None:
        query = "SELECT substr(body, ?, ?) FROM object WHERE path = ?"
        row = (await self._files.execute_aside(query, (start + 1, limit, path))).fetchone()
        return bytes(row[0]) if row else None

    async def objects(self, limit: int = 100) -> list[Document]:
        """Every stored object, without its body."""
        query = "SELECT path, content_type, length(body) FROM object ORDER BY path LIMIT ?"
        cursor = await self._view.execute(query, (limit,))
        return [{"path": row[0], "contentType": row[1], "size": row[2]} for row in cursor.fetchall()]

    async def delete_object(self, path: str) -> None:
        await self._db.execute("DELETE FROM object WHERE path = ?", (path,))

    async def log_delivery(self, at: datetime, provider: str, status: int | None, body: Document) -> int:
        cursor = await self._db.execute(
            "INSERT INTO delivery (at, provider, status, body) VALUES (?, ?, ?, ?)",
            (_key(at), provider, status, json.dumps(body)),
        )
        return int(cursor.lastrowid or 0)

    async def deliveries(self, limit: int = 100) -> list[Document]:
        cursor = await self._view.execute(
            "SELECT id, at, provider, status, body FROM delivery ORDER BY id DESC LIMIT ?", (limit,)
        )
        return [
            {"id": row[0], "at": row[1], "provider": row[2], "status": row[3], **json.loads(row[4])}
            for row in cursor.fetchall()
        ]

    async def delivery(self, number: int) -> Document | None:
        cursor = await self._view.execute("SELECT provider, body FROM delivery WHERE id = ?", (number,))
        row = cursor.fetchone()
        return {"provider": row[0], **json.loads(row[1])} if row else None

    async def clear(self) -> None:
        async with self.transaction():
            for table in TABLES:
                await self._db.execute(f"DELETE FROM {table}")

    @property
    def _db(self) -> SqliteFile:
        assert self._writer is not None, "the store is not open"
        return self._writer

    @property
    def _view(self) -> SqliteFile:
        assert self._reader is not None, "the store is not open"
        return self._db if _is_inside.get() else self._reader

    @property
    def _files(self) -> SqliteFile:
        assert self._file_reader is not None, "the store is not open"
        return self._db if _is_inside.get() else self._file_reader

    async def _one(self, query: str, *values: object) -> Document | None:
        cursor = await self._view.execute(query, values)
        row = cursor.fetchone()
        return json.loads(row[0]) if row else None

    async def _all(self, query: str, *values: object) -> list[Document]:
        cursor = await self._view.execute(query, values)
        return [json.loads(row[0]) for row in cursor.fetchall()]


def _key(at: datetime) -> str:
    """Sorts as text: always UTC with microseconds."""
    return at.isoformat(timespec="microseconds")
