"""Documents that are answered by a plan: one statement and one function, and the same answer as without."""

import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query
from prometheus_client import REGISTRY
from sqlalchemy import event, update
from sqlalchemy.exc import InterfaceError, ProgrammingError

from db.tables.payment import PaymentRow
from resolvers.context import Context
from tests.api.test_statements import statements
from tests.builders.documents import Drawing
from tests.builders.gateway import Play, Player, a_payment, pay, playing
from tests.conftest import NOON

DASHBOARD = """query Dashboard($first: Int!) { viewer { id name email
  bankAccounts { edges { node { id iban name balances { type amount { amountMinor currency } } } } }
  payments(first: $first) { edges { cursor node { id status createdAt amount { amountMinor currency }
    debtorAccount { id iban } creditor { name } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
RECEIPTS = "{ viewer { payments { edges { node { receipt { number } } } } } }"
WIDE = """query Wide($first: Int, $after: String, $last: Int, $before: String) { __typename me: viewer { __typename
  ...Person address { formatted country } notificationPreferences { payments security } createdAt chosenLocale
  bankLinks { edges { cursor node { ...Link accounts { id maskedNumber bankLink { id } } } } pageInfo { hasNextPage } }
  bankAccounts(first: $first, after: $after, last: $last, before: $before) { __typename
    edges { __typename cursor node { __typename ... on Node { id } ... on BankAccount { available wholeStatement }
      iban bban maskedNumber name ownerName currency balanceRefreshedAt unreadableItems version bankLink { ...Link }
      balances { type asOf amount { amountMinor currency } }
      newest: transactions(first: 3) { ...Lines } oldest: transactions(last: 2) { ...Lines } } }
    pageInfo { __typename hasNextPage hasPreviousPage startCursor endCursor } }
  payments { edges { node { id rail status reference kid scheduledFor version inDoubt overdueSince createdAt
    creditor { name account } failure { code } debtorAccount { id available bankLink { status } } } } } } }
fragment Person on User { id name ... { email } phone }
fragment Link on BankLink { id status expiresAt endedBecause unreadableAccounts version }
fragment Lines on BankTransactionConnection { edges { cursor node { id status bookingDate counterpartyName message kid
  amount { amountMinor currency } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"""


def contexts_alive() -> int:
    gc.collect()
    return sum(type(found) is Context for found in gc.get_objects())


def answered(by: str) -> float:
    return REGISTRY.get_sample_value("drop_graphql_plans_total", {"by": by}) or 0


def failed() -> float:
    labels = {"type": "query", "field": "viewer", "outcome": "failed"}
    return REGISTRY.get_sample_value("drop_graphql_seconds_count", labels) or 0


@pytest.fixture
async def both(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """Each document is answered by its plan and by graphql-core, and a difference is an error."""
    async with playing(database_url, tmp_path, NOON, graphql_plans="compare", graphql_cost="measure") as play:
        yield play


async def compared(player: Player, query: str, **variables: object) -> Any:
    """The answer, which a plan has given, too."""
    before = answered("plan")
    found = await player.ask(query, **variables)
    assert answered("plan") == before + 1
    return found


async def with_payments(play: Play, count: int, persona: str = "kari") -> Player:
    player, account = await play.banked(persona)
    for number in range(count):
        await pay(player, a_payment(account, amount_minor=100 + number))
        await play.advance(seconds=1)
    return player


async def test_the_dashboard_is_the_same_by_its_plan(both: Play) -> None:
    kari = await with_payments(both, 3)
    await with_payments(both, 2, "silje")

    found = (await compared(kari, DASHBOARD, first=2))["viewer"]

    assert len(found["bankAccounts"]["edges"]) >= 1 and len(found["payments"]["edges"]) == 2
    assert all(edge["node"]["debtorAccount"] for edge in found["payments"]["edges"])
    assert found["payments"]["pageInfo"]["hasNextPage"] is True


async def test_every_covered_field_is_the_same_by_its_plan(both: Play) -> None:
    kari = await with_payments(both, 2)

    whole = (await compared(kari, WIDE, first=100))["me"]["bankAccounts"]
    cursors = [edge["cursor"] for edge in whole["edges"]]
    assert len(cursors) >= 2 and any(edge["node"]["newest"]["edges"] for edge in whole["edges"])
    for bounds in ({"first": 1}, {"last": 1}, {"after": cursors[0]}, {"before": cursors[1], "last": 1}):
        await compared(kari, WIDE, **bounds)


@pytest.mark.parametrize(
    "selected",
    [
        "name @include(if: $on)",
        "name ... @include(if: $on) { email }",
        "name ...Person @skip(if: $on)",
        "name ...Nested",
        "name bankAccounts { edges { node { id name @skip(if: $on) } } }",
    ],
)
async def test_a_field_that_may_be_left_out_is_the_same_by_its_plans(both: Play, selected: str) -> None:
    kari, _ = await both.banked()
    fragments = {"Person": "{ email }", "Nested": "{ email @include(if: $on) }"}
    written = [f"fragment {name} on User {text}" for name, text in fragments.items() if f"...{name}" in selected]
    query = f"query($on: Boolean!) {{ viewer {{ {selected} }} }} {' '.join(written)}"

    found = [await compared(kari, query, on=is_on) for is_on in (True, False, True)]

    assert found[0] == found[2] != found[1]


async def test_drawn_documents_are_the_same_by_their_plans(both: Play) -> None:
    kari = await with_payments(both, 3)
    await with_payments(both, 1, "silje")
    drawn = [Drawing(seed) for seed in range(40)]

    before = answered("plan")
    for document in drawn:
        await kari.ask(document.text)

    assert answered("plan") - before == len(drawn)
    asked = set().union(*(document.fields for document in drawn))
    assert {"Payment.debtorAccount", "BankAccount.balances", "BankAccount.transactions", "BankLink.accounts"} <= asked


async def test_what_no_plan_covers_is_answered_in_the_ordinary_way(both: Play) -> None:
    kari = await with_payments(both, 1)
    filtered = "{ viewer { payments(filter: {rails: [BANK]}) { edges { node { debtorAccount { id } } } } } }"
    oldest = "{ viewer { payments(orderBy: OLDEST_FIRST) { edges { node { debtorAccount { id } } } } } }"
    many = " ".join(f"of{n}: name @skip(if: $no{n})" for n in range(4))
    left_out = f"query({', '.join(f'$no{n}: Boolean = true' for n in range(4))}) {{ viewer {{ id {many} }} }}"
    cursor = "{ viewer { bankAccounts { edges { node { transactions(first: 1, after: %s) { edges { cursor } } } } } } }"

    before = answered("plan")
    schema = (get_introspection_query(), '{ __type(name: "User") { name } viewer { id } }')
    for query in (filtered, oldest, left_out, RECEIPTS, "{ banks { id } }", *schema):
        await kari.ask(query)
    codes = [
        await kari.error_code(WIDE, first=0),
        await kari.error_code(WIDE, after="none of ours"),
        await kari.error_code(WIDE, first="many"),
        await kari.error_code(cursor % '"bm9uZQ=="'),
    ]

    assert answered("plan") == before
    assert codes == ["BAD_USER_INPUT", "INVALID_CURSOR", "BAD_USER_INPUT", "INVALID_CURSOR"]


async def test_what_is_too_deep_for_one_statement_is_answered_in_the_ordinary_way(both: Play) -> None:
    kari = await with_payments(both, 1)
    inner = "balances { type asOf amount { amountMinor } } transactions(first: 2) { edges { node { id } } } available"
    deep = "{ viewer { payments { edges { node { debtorAccount { bankLink { accounts { %s } } } } } } } }"
    deeper = deep % f"bankLink {{ accounts {{ {inner} }} }}"

    await compared(kari, deep % inner)
    before = answered("depth")
    found = await kari.ask(deeper)

    assert found["viewer"]["payments"]["edges"][0]["node"]["debtorAccount"]["bankLink"]["accounts"]
    assert answered("depth") == before + 1


async def test_a_document_has_few_statements_however_its_variables_vary(both: Play) -> None:
    kari = await with_payments(both, 2)
    names = ("a", "b", "c", "d")
    head = ", ".join(f"${name}: String" for name in names)
    pages = " ".join(f"{name}: payments(before: ${name}) {{ edges {{ cursor }} }}" for name in names)
    query = f"query({head}) {{ viewer {{ {pages} }} }}"
    cursor = (await compared(kari, query))["viewer"]["a"]["edges"][1]["cursor"]

    by_plan, by_forms = answered("plan"), answered("forms")
    for given in range(16):
        await kari.ask(query, **{name: cursor for bit, name in enumerate(names) if given >> bit & 1})
    assert (answered("plan") - by_plan, answered("forms") - by_forms) == (8, 8)

    await compared(kari, query)


async def test_what_asks_for_too_many_objects_is_answered_in_the_ordinary_way(both: Play) -> None:
    kari = await with_payments(both, 1)
    inner = "edges { node { bankLink { status } balances { type } transactions { edges { cursor } } } }"
    lists = [f"of{number}: bankAccounts {{ {inner} }}" for number in range(11)]

    await compared(kari, f"{{ viewer {{ {' '.join(lists[:10])} }} }}")
    before = answered("width")
    found = await kari.ask(f"{{ viewer {{ {' '.join(lists)} }} }}")

    assert len(found["viewer"]) == 11 and answered("width") == before + 1


@pytest.fixture
async def eager(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """Each document is answered by its plan, where it has one."""
    async with playing(database_url, tmp_path, NOON, graphql_plans="eager", graphql_cost_limit=1_000) as play:
        yield play


async def test_a_plan_is_one_statement_beside_the_session(eager: Play) -> None:
    kari = await with_payments(eager, 2)
    await kari.ask(DASHBOARD, first=5)

    with statements(eager) as said:
        await kari.ask(DASHBOARD, first=5)
    with statements(eager) as of_user:
        await kari.ask("{ viewer { id name } }")

    assert len(said) == 2, said
    assert len(of_user) == 1, of_user


async def test_a_warm_plan_answers_nobody_whose_session_has_ended(eager: Play) -> None:
    kari = await with_payments(eager, 1)
    assert (await kari.ask(DASHBOARD, first=1))["viewer"] is not None
    await kari.ask("mutation { endAllSessions { count } }")

    ended = await kari.ask(DASHBOARD, first=1)
    stranger = await eager.browser().ask(DASHBOARD, first=1)
    bad = await eager.browser(authorization="Bearer none").post(DASHBOARD, first=1)

    assert ended == stranger == {"viewer": None}
    assert bad.status_code == 401


async def test_a_warm_plan_answers_nothing_that_costs_too_much(eager: Play) -> None:
    kari = await with_payments(eager, 1)
    await kari.ask(DASHBOARD, first=1)

    before = answered("plan")
    assert await kari.error_code(WIDE, first=100) == "QUERY_TOO_COMPLEX"

    assert answered("plan") == before


async def test_what_a_plan_cannot_read_is_told_in_the_ordinary_way(eager: Play) -> None:
    kari = await with_payments(eager, 1)
    async with eager.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(update(PaymentRow).values(status="LATER"))

    before = answered("fault")
    code = await kari.error_code(DASHBOARD, first=1)

    assert (code, answered("fault")) == ("INTERNAL", before + 1)


async def test_a_plan_that_is_often_read_in_vain_is_dropped(eager: Play) -> None:
    kari = await with_payments(eager, 1)
    silje = await with_payments(eager, 1, "silje")
    async with eager.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(update(PaymentRow).values(status="LATER"))

    faults, dropped = answered("fault"), answered("dropped")
    for _ in range(12):
        await kari.error_code(DASHBOARD, first=1)

    assert (answered("fault") - faults, answered("dropped") - dropped) == (10, 2)
    before = answered("plan")
    await silje.ask("{ viewer { id name } }")
    assert answered("plan") == before + 1


async def test_an_outage_is_told_and_the_database_not_asked_again(eager: Play) -> None:
    kari = await with_payments(eager, 1)
    await kari.ask(DASHBOARD, first=1)
    asked: list[str] = []

    def fail(_: object, _cursor: object, statement: str, *_more: object) -> None:
        if "json" in statement:
            asked.append(statement)
            raise InterfaceError(statement, None, Exception("the connection is lost"))

    engines = eager.gateway.infrastructure.database.engines
    for engine in engines:
        event.listen(engine, "before_cursor_execute", fail)
    answer = await kari.post(DASHBOARD, first=1)
    for engine in engines:
        event.remove(engine, "before_cursor_execute", fail)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
    assert len(asked) == 1


async def test_a_statement_that_is_refused_is_a_failure_and_the_operation_has_an_answer(eager: Play) -> None:
    kari = await with_payments(eager, 1)
    await kari.ask(DASHBOARD, first=1)

    def refuse(_: object, _cursor: object, statement: str, *_more: object) -> None:
        if "json" in statement:
            raise ProgrammingError(statement, None, Exception("no such column"))

    before = failed()
    for engine in eager.gateway.infrastructure.database.engines:
        event.listen(engine, "before_cursor_execute", refuse)
    answer = await kari.http.post(
        "/graphql",
        json={"query": DASHBOARD, "variables": {"first": 1}},
        headers={"accept": "application/graphql-response+json"},
    )
    for engine in eager.gateway.infrastructure.database.engines:
        event.remove(engine, "before_cursor_execute", refuse)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, answer.json()["data"]) == (200, {"viewer": None})
    assert (error["path"], error["extensions"]["code"]) == (["viewer"], "INTERNAL")
    assert failed() == before + 1


async def test_what_a_service_cannot_read_is_told_beside_what_needs_no_database(eager: Play) -> None:
    kari = await with_payments(eager, 1)
    found = "payees { name } transactions(first: 1, filter: { direction: OUT }) { edges { node { id } } }"
    asked = f"{{ viewer {{ {found} }} features {{ name }} }}"
    features = (await kari.ask(asked))["features"]

    def fail(_: object, _cursor: object, statement: str, *_more: object) -> None:
        if "FROM payment" in statement:
            raise InterfaceError(statement, None, Exception("the connection is lost"))

    engines = eager.gateway.infrastructure.database.engines
    for engine in engines:
        event.listen(engine, "before_cursor_execute", fail)
    answer = (await kari.post(asked)).json()
    for engine in engines:
        event.remove(engine, "before_cursor_execute", fail)

    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["viewer"], "UNAVAILABLE")
    assert answer["data"] == {"viewer": None, "features": features}


async def test_a_document_has_a_plan_from_its_second_use_on(play: Play) -> None:
    kari = await with_payments(play, 1)
    query = "{ viewer { payments(first: 1) { edges { node { id version } } } } }"

    counts = []
    for _ in range(3):
        before = answered("plan")
        await kari.ask(query)
        counts.append(answered("plan") - before)

    assert counts == [0, 1, 1]


async def test_without_plans_all_is_answered_in_the_ordinary_way(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, graphql_plans="off") as play:
        kari = await play.person()
        before = answered("plan")
        for _ in range(3):
            await kari.ask("{ viewer { id name } }")

        assert answered("plan") == before


async def test_what_has_no_plan_keeps_nothing_of_its_requests(eager: Play) -> None:
    kari = await eager.person()
    query = RECEIPTS
    await kari.ask(query)

    before = contexts_alive()
    for _ in range(5):
        await kari.ask(query)

    assert contexts_alive() <= before
