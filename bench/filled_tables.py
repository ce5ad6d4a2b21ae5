"""Fills every table by SQL alone: one user with many payments, and many users with few."""

from typing import Any, Final

from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Integer, LargeBinary, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeDecorator

from bench.machine import tell
from db.engine import Database
from db.tables.all import METADATA

# Of a table's share of the rows: how many users, links and the like stand behind a million payments.
_SHARE: Final = {
    **dict.fromkeys(("payment", "payment_event", "trace_event", "user_event", "bank_transaction"), 1.0),
    "trusted_document": 0.005,  # db.trusted_documents.MAX_DOCUMENTS
    **dict.fromkeys(("vendor_move", "clock_offset", "bank_habit", "worker_heartbeat"), 0.0),
}
_ELSE: Final = 0.1
_LONG_S: Final = 1800
# What is final, so that partial indexes of what waits stay small; one of a thousand is not.
_STATUSES: Final = {
    "payment": ("SETTLED", "PROCESSING"),
    "refund": ("SUCCEEDED", "PENDING"),
    "consent": ("EXPIRED", "ACTIVE"),
    "bank_link": ("ACTIVE", "EXPIRED"),
    "bank_transaction": ("BOOKED", "PENDING"),
    "kyc_application": ("APPROVED", "PENDING"),
    "plan_subscription": ("ENDED", "ACTIVE"),
    "plan_invoice": ("PAID", "OPEN"),
    "notification": ("DELIVERED", "DEAD"),
    "webhook_event": ("PROCESSED", "PARKED"),
    "job": ("QUEUED", "BLOCKED"),
    "upload": ("STORED", "PENDING"),
    "data_export": ("EXPIRED", "READY"),
    "card": ("ACTIVE", "REQUESTED"),
    "dispute": ("WON", "OPEN"),
    "payment_event": ("SETTLED", "CREATED"),
}
# One of a hundred of their rows is the first user's.
_OF_ONE_USER: Final = frozenset({"payment", "notification", "session", "upload", "bank_link", "card", "consent"})
_WORDS: Final = {
    "rail": "CASE WHEN n % 2 = 0 THEN 'BANK' ELSE 'CARD' END",
    "currency": "'NOK'",
    "vendor": "'mock'",
    "cause": "'USER'",
    "kind": "'STATUS'",
    "change": "'UPDATED'",
    "client": "'WEB'",
    "purpose": "'DOCUMENT'",
    "type": "'VIRTUAL'",
    "channel": "'EMAIL'",
    "template": "'welcome'",
    "locale": "'nb-NO'",
    "port": "'card_payments'",
    "provider": "'stripe'",
    "creditor_iban": "'NO9386011117947'",
    "operation": "'initiatePayment'",
    "file_name": "'kvittering.png'",
    "content_type": "'image/png'",
}
_EMPTY: Final = frozenset(
    {
        *("deleted_at", "ended_at", "in_doubt", "overdue_since", "unknown_since", "matched_as", "end_to_end_id"),
        *("blocked_by", "leased_until", "leased_by", "failure_code", "cancellation_status", "recorded_at", "sca"),
        *(
            "body",
            "ended_because",
            "watched_until",
            "reject_reason",
            "failure_detail",
            "app_state",
            "moved_at",
            "stopped_at",
        ),
    }
)


def rows_of(table: Table, rows: int) -> int:
    return max(int(rows * _SHARE.get(table.name, _ELSE)), 1)


async def fill(database: Database, rows: int) -> None:
    """Insert into every table, and gather what the planner knows of it."""
    for table in METADATA.sorted_tables:
        many = rows_of(table, rows)
        columns = ", ".join(f'"{column.name}"' for column in table.columns if _is_filled(column))
        values = ", ".join(_value(column, rows) for column in table.columns if _is_filled(column))
        statement = f'INSERT INTO "{table.name}" ({columns}) SELECT {values} FROM generate_series(1, {many}) n'
        async with database.write_engine.begin() as connection:
            await _run(connection, statement)
    async with database.write_engine.connect() as connection:
        at_once = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await _run(at_once, "VACUUM ANALYZE")
    tell(f"{rows:,} payments, a hundredth of them of one user")


async def _run(connection: AsyncConnection, statement: str) -> None:
    """Run what takes minutes: the limits of a request's statement, here and on the server, are not for it."""
    await connection.execute(text("SET statement_timeout = 0"))
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.execute(statement, timeout=_LONG_S)
    await connection.execute(text("RESET statement_timeout"))


def _is_filled(column: Column[Any]) -> bool:
    return not (column.nullable and column.name in _EMPTY)


def parent_of(column: Column[Any], rows: int) -> str | None:
    """Which row a row names: one of a hundred is the first user's or payment's."""
    for key in column.foreign_keys:
        parent = key.column.table
        many = rows_of(parent, rows)
        own = f"(n - 1) % {many} + 1"
        if parent.name == "user" and column.table.name in _OF_ONE_USER:
            own = f"CASE WHEN n % 100 = 0 THEN 1 ELSE {own} END"
        return f"'{parent.name}_' || ({own})"
    return None


def _value(column: Column[Any], rows: int) -> str:
    table = column.table.name
    parent = parent_of(column, rows)
    if parent is not None:
        return parent
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    match kind:
        case Boolean():
            return "false"
        case Integer():
            return "n" if column.primary_key or column.name in ("seq", "version", "number") else "100"
        case Date():
            return "DATE '2026-11-24' - n % 700"
        case DateTime():
            return "TIMESTAMPTZ '2026-11-24 12:00Z' - n * INTERVAL '1 minute'"
        case LargeBinary():
            return "'sealed'"
        case JSON():
            return "'{}'"
    if column.name == "status" and table in _STATUSES:
        usual, seldom = _STATUSES[table]
        return f"CASE WHEN n % 1000 = 0 THEN '{seldom}' ELSE '{usual}' END"
    return _WORDS.get(column.name, f"'{table}_' || n" if column.name == "id" else f"'{table}_{column.name}_' || n")
