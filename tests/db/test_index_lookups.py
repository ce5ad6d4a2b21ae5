"""Whatever the product asks of its large tables is found by an index: with a million payments as with ten."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from gateway.app import Gateway
from tests.api.test_subscription import FOLLOW
from tests.builders.cards import paid, refund, subscribe
from tests.builders.gateway import Play, a_payment, pay, playing
from tests.builders.sockets import opened, socket_of
from tests.conftest import NOON

# Those that grow with users and time. Banks, plans, moves and workers stay few.
LARGE = (
    *("user", "session", "login_attempt", "payment", "payment_event", "payment_attempt", "refund", "dispute"),
    *("bank_link", "consent", "consent_account", "bank_account", "balance", "bank_transaction", "account_read"),
    *("kyc_application", "plan_subscription", "plan_invoice", "notification", "webhook_event", "user_event"),
    *("user_event_seq", "trace_event", "idempotency_key", "provider_pin", "job", "upload", "audit_event"),
    "audit_seal",
)
DASHBOARD = """{ viewer { name kyc { status } plan { status invoices { edges { node { number } } } }
  uploads { edges { node { id } } }
  bankLinks { edges { node { id consentText { version } lastReads { at } } } }
  sessions { edges { node { id } } } vendorMoves { id }
  dataExports { edges { node { id } } } cards { edges { node { id } } }
  bankAccounts { edges { node { id balances { type } transactions(first: 5) { edges { node { id } } } } } }
  transactions(first: 5, filter: { text: "rema" }) { edges { node { id account { id } payment { id } } } }
  found: payments(first: 5, filter: { text: "ola", minAmount: { amountMinor: "1", currency: "NOK" } }) {
    edges { node { id } } }
  upcoming: payments(first: 5, filter: { statuses: [SCHEDULED] }, orderBy: SOONEST_FIRST) { edges { node { id } } }
  payments(first: 20) { edges { node { id history(first: 5) { edges { node { version } } }
    refunds(last: 5) { edges { node { id } } } disputes { status }
    receipt { number } transactions { id }
    debtorAccount { id } } } } } }"""
# Indexes of a few rows alone, read whole.
PARTIAL = (
    "ix_payment_in_doubt",
    "ix_payment_overdue",
    "ix_payment_watched",
    "ix_payment_withdrawn",
    "ix_bank_transaction_odd",
)
# The daily purge reads what is old from end to end, and operators' lists the newest of all.
BY_ITSELF = re.compile(r"DELETE FROM|ORDER BY \w+\.(received_at|number) DESC")


@contextmanager
def recorded(engines: Sequence[Engine]) -> Iterator[dict[str, Any]]:
    """Every statement with its last values."""
    found: dict[str, Any] = {}

    def record(connection: Connection, cursor: Any, statement: str, values: Any, context: Any, many: bool) -> None:
        if statement.split(None, 1)[0] in ("SELECT", "UPDATE", "DELETE", "WITH") and not many:
            found[statement] = values

    for engine in engines:
        event.listen(engine, "before_cursor_execute", record)
    yield found
    for engine in engines:
        event.remove(engine, "before_cursor_execute", record)


async def everything(play: Play) -> None:
    """One of each thing that users, vendors and workers do."""
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")
    await refund(kari, await paid(kari), 500)
    await subscribe(kari)
    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(FOLLOW, id=payment["id"])
        await socket.item()
        await play.advance(minutes=5)
        await socket.item()
    await play.gateway.services.orphans.start()
    await kari.ask(DASHBOARD)
    await kari.ask("query($id: ID!) { node(id: $id) { id } }", id=payment["id"])
    operator = play.browser().http
    for path in (
        "/metrics",
        "/api/operator/payments/doubts",
        "/api/operator/payments/lines",
        "/api/operator/jobs",
        "/api/health",
    ):
        assert (await operator.get(path)).status_code == 200, path


@pytest.fixture
async def play(either_database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(either_database_url, tmp_path, NOON) as play:
        yield play


async def scans(gateway: Gateway, statement: str, values: Any) -> list[str]:
    """What of the plan reads a large table from end to end."""
    database = gateway.infrastructure.database
    async with database.read_engine.connect() as connection:
        if database.is_sqlite:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            lines = [row[-1] for row in plan.all()]
            whole = [one for one in lines if (m := re.match(r"SCAN (\w+)", one)) and m.group(1) in LARGE]
            return [one for one in whole if not one.endswith(PARTIAL)]
        # Even where a table is small, an index must serve.
        await connection.exec_driver_sql("SET enable_seqscan = off")
        plan = await connection.exec_driver_sql(f"EXPLAIN {statement}", values)
        lines = [row[0] for row in plan.all()]
        return [one for one in lines if (m := re.search(r"Seq Scan on \"?(\w+)", one)) and m.group(1) in LARGE]


async def test_no_statement_reads_a_large_table_from_end_to_end(play: Play) -> None:
    with recorded(play.gateway.infrastructure.database.engines) as statements:
        await everything(play)

    found = {}
    for statement, values in statements.items():
        if not BY_ITSELF.search(statement) and (bad := await scans(play.gateway, statement, values)):
            found[statement] = bad
    assert len(statements) > 60
    assert found == {}
