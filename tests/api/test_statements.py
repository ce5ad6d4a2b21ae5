"""Relations are loaded in sets: more rows are not more statements."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from tests.builders.cards import paid, refund, subscribe
from tests.builders.gateway import Play, a_payment, connect, pay, playing
from tests.conftest import NOON

DASHBOARD = """{ viewer { name
  bankAccounts(first: 20) { edges { node { name bank { name } balances { type amount { amountMinor } }
    bankLink { status lastReads { at } } } } }
  payments(first: 20) { edges { node { status amount { amountMinor } creditor { name }
    debtorAccount { maskedNumber bank { name } } history(first: 5) { edges { node { status cause } } } } } } } }"""


@contextmanager
def statements(play: Play) -> Iterator[list[str]]:
    seen: list[str] = []

    def record(_bank_link: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    engines = play.gateway.infrastructure.database.engines
    for engine in engines:
        event.listen(engine, "before_cursor_execute", record)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", record)


@pytest.fixture
async def ordinary(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """Without plans, which ask once for all: here loaders ask."""
    async with playing(database_url, tmp_path, NOON, graphql_plans="off") as play:
        yield play


async def test_a_dashboard_of_twenty_payments_costs_as_many_statements_as_one_of_one(ordinary: Play) -> None:
    play = ordinary
    silje, account = await play.banked("silje")
    await pay(silje, a_payment(account))
    with statements(play) as for_one:
        await silje.ask(DASHBOARD)
    await connect(silje, "bank_nordea")
    for _ in range(19):
        await pay(silje, a_payment(account))

    with statements(play) as for_twenty:
        viewer = (await silje.ask(DASHBOARD))["viewer"]

    assert len(viewer["payments"]["edges"]) == 20
    assert len(for_twenty) == len(for_one), for_twenty
    assert len(for_twenty) <= 10, for_twenty


@contextmanager
def transactions(play: Play) -> Iterator[list[object]]:
    begun: list[object] = []
    record, engines = begun.append, play.gateway.infrastructure.database.engines
    for engine in engines:
        event.listen(engine, "begin", record)
    try:
        yield begun
    finally:
        for engine in engines:
            event.remove(engine, "begin", record)


async def test_a_query_reads_its_session_and_user_at_once_and_the_rest_of_one_moment(play: Play) -> None:
    silje, account = await play.banked("silje")
    await pay(silje, a_payment(account))
    accounts = "bankAccounts { edges { node { id balances { type } } } }"
    query = f"{{ viewer {{ name {accounts} payments {{ edges {{ node {{ id debtorAccount {{ id iban }} }} }} }} }} }}"

    with statements(play) as said, transactions(play) as begun:
        viewer = (await silje.ask(query))["viewer"]

    debtor = viewer["payments"]["edges"][0]["node"]["debtorAccount"]
    assert viewer["name"].startswith("Silje")
    assert debtor["id"] == account
    assert len(begun) == 2, said
    # The session with its user, accounts, balances, payments: the payments' account is of the page of accounts.
    assert len(said) == 4, said


async def test_the_banks_are_asked_for_their_list_once(play: Play) -> None:
    kari, _ = await play.banked("kari")
    await kari.ask(DASHBOARD)
    asked: list[str] = []

    async def record(request: object) -> None:
        asked.append(str(request))

    play.gateway.sandbox.event_hooks["request"].append(record)
    await kari.ask(DASHBOARD)

    assert asked == []


CARDS = """{ viewer { plan { invoices { edges { node { number } } } } payments(first: 20) { edges { node {
  refundStatus refundedAmount { amountMinor }
  refunds(first: 5) { edges { node { status } } } disputes { status } receipt { number } } } } } }"""


async def test_refunds_disputes_and_receipts_are_loaded_in_sets(play: Play) -> None:
    kari = await play.approved()
    await subscribe(kari)
    await refund(kari, await paid(kari), 100)
    with statements(play) as for_one:
        await kari.ask(CARDS)
    for _ in range(9):
        await refund(kari, await paid(kari), 100)

    with statements(play) as for_ten:
        viewer = (await kari.ask(CARDS))["viewer"]

    assert len(viewer["payments"]["edges"]) == 10
    assert len(for_ten) == len(for_one) <= 9, for_ten


async def test_payments_asked_for_by_id_side_by_side_are_read_in_one_statement(play: Play) -> None:
    kari = await play.approved()
    ids = [await paid(kari) for _ in range(3)]
    named = " ".join(f'p{place}: payment(id: "{identifier}") {{ id }}' for place, identifier in enumerate(ids))

    with statements(play) as for_three:
        viewer = (await kari.ask(f"{{ viewer {{ {named} }} }}"))["viewer"]

    assert [payment["id"] for payment in viewer.values()] == ids
    assert len([sql for sql in for_three if "FROM payment" in sql]) == 1
