"""Payments are found by text, amount, day, account and creditor, and upcoming ones by their execution date."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlmodel import col, select, update

from db.tables.payment import PaymentRow
from tests.builders.gateway import Play, Player, nodes

SEARCH = """query($filter: PaymentFilter, $order: PaymentOrderBy! = NEWEST_FIRST, $first: Int, $after: String,
  $last: Int, $before: String) { viewer {
  payments(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
  edges { cursor node { id status scheduledFor creditor { name account } amount { amountMinor } } }
  pageInfo { hasNextPage endCursor } } } }"""
ACCOUNTS = "{ viewer { bankAccounts { edges { node { id bank { id } } } } } }"
# The clock of these tests stands at noon of 24 November.
PAYMENTS = [
    {"amountMinor": 12_500, "creditorName": "Blåbær og Øst AS", "kid": "1234567897"},
    {"amountMinor": 50_000, "creditorName": "Husleie", "message": "Desember 100%", "executionDate": "2026-12-01"},
    {"amountMinor": 70_000, "creditorName": "Strøm", "executionDate": "2026-11-30", "bank": "bank_nordea"},
    {"amountMinor": 90_000, "creditorName": "Nytt år", "executionDate": "2026-12-31", "creditorAccount": "15032080119"},
]
UPCOMING = ["Strøm", "Husleie", "Nytt år"]


def nok(amount_minor: int) -> dict[str, str]:
    return {"amountMinor": str(amount_minor), "currency": "NOK"}


@pytest.fixture
async def kari(play: Play) -> Player:
    """Somebody with two banks, a payment at once and three for later days."""
    kari = play.browser()
    order = {"banks": [{"id": "bank_dnb"}, {"id": "bank_nordea"}], "payments": PAYMENTS}
    made = await kari.http.post("/api/mock/users", json=order)
    assert made.status_code == 201, made.text
    return kari


async def found(player: Player, given: dict[str, Any] | None, **page: Any) -> list[str]:
    data = await player.ask(SEARCH, filter=given, **{"first": 100, **page})
    return [node["creditor"]["name"] for node in nodes(data["viewer"]["payments"])]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"text": "blåbær"}, ["Blåbær og Øst AS"]),
        ({"text": "ØST"}, ["Blåbær og Øst AS"]),
        ({"text": "456789"}, ["Blåbær og Øst AS"]),
        ({"text": "100%"}, ["Husleie"]),
        ({"text": "1%0"}, []),
        ({"minAmount": nok(50_000), "maxAmount": nok(70_000)}, ["Strøm", "Husleie"]),
        ({"maxAmount": {"amountMinor": "50000", "currency": "EUR"}}, []),
        ({"creditorAccount": "1503.20.80119"}, ["Nytt år"]),
        ({"creditorAccount": "NO9386011117947"}, []),
        ({"executionFrom": "2026-12-01", "executionTo": "2026-12-30"}, ["Husleie"]),
        ({"createdFrom": "2026-11-25"}, []),
        ({"createdTo": "2026-11-23"}, []),
        ({"createdFrom": "0001-01-01", "createdTo": "9999-12-31", "text": "strøm"}, ["Strøm"]),
        ({"text": "us", "statuses": ["SCHEDULED"], "rails": ["BANK"], "minAmount": nok(50_000)}, ["Husleie"]),
        ({"text": "us", "statuses": ["SCHEDULED"], "rails": ["CARD"]}, []),
        ({"text": None, "accounts": None, "statuses": None, "minAmount": nok(90_000)}, ["Nytt år"]),
    ],
)
async def test_payments_are_found_by_every_part_of_a_filter(
    kari: Player, given: dict[str, Any], names: Sequence[str]
) -> None:
    assert await found(kari, given) == names


async def test_the_day_of_creation_is_norways(play: Play, kari: Player) -> None:
    await play.advance(hours=11, minutes=30)  # 23:30 in UTC is half past midnight in Oslo.
    late = play.browser()
    await late.http.post("/api/mock/users", json={"banks": [{"id": "bank_dnb"}], "payments": [{"amountMinor": 100}]})

    assert await found(late, {"createdFrom": "2026-11-25"}) == ["Ola Hansen"]
    assert await found(late, {"createdTo": "2026-11-24"}) == []
    assert len(await found(kari, {"createdTo": "2026-11-24"})) == len(PAYMENTS)


async def test_an_account_is_searched_by_itself_and_another_users_never(play: Play, kari: Player) -> None:
    accounts = nodes((await kari.ask(ACCOUNTS))["viewer"]["bankAccounts"])
    nordea = [node["id"] for node in accounts if node["bank"]["id"] == "bank_nordea"]
    stranger = play.browser()
    await stranger.http.post("/api/mock/users", json={})

    assert await found(kari, {"accounts": nordea}) == ["Strøm"]
    assert await found(kari, {"accounts": []}) == []
    assert await found(stranger, {"accounts": nordea}) == await found(stranger, None) == []


async def test_upcoming_payments_come_by_their_execution_date(kari: Player) -> None:
    scheduled = {"statuses": ["SCHEDULED"]}
    assert await found(kari, None, order="SOONEST_FIRST") == UPCOMING
    assert await found(kari, scheduled, order="SOONEST_FIRST") == UPCOMING

    page = (await kari.ask(SEARCH, filter=scheduled, order="SOONEST_FIRST", first=1))["viewer"]["payments"]
    end = page["pageInfo"]["endCursor"]
    assert page["pageInfo"]["hasNextPage"]
    assert await found(kari, scheduled, order="SOONEST_FIRST", after=end) == UPCOMING[1:]
    last = (await kari.ask(SEARCH, filter=scheduled, order="SOONEST_FIRST", last=1))["viewer"]["payments"]
    before = last["edges"][0]["cursor"]
    assert await found(kari, scheduled, order="SOONEST_FIRST", first=None, last=1, before=before) == UPCOMING[1:2]
    assert await kari.error_code(SEARCH, filter=scheduled, first=5, after=end) == "INVALID_CURSOR"


async def test_a_payment_without_an_execution_date_takes_no_place_among_those_that_have_one(
    play: Play, kari: Player
) -> None:
    database = play.gateway.infrastructure.database
    async with database.write() as session:
        await session.exec(update(PaymentRow).values(status="SETTLED"))
        at_once = update(PaymentRow).where(col(PaymentRow.creditor_name) == "Strøm")
        await session.exec(at_once.values(scheduled_for=None))
        await session.commit()

    settled = {"statuses": ["SETTLED"], "rails": ["BANK"]}
    first = (await kari.ask(SEARCH, filter=settled, order="SOONEST_FIRST", first=1))["viewer"]["payments"]
    last = await found(kari, settled, order="SOONEST_FIRST", first=None, last=1)

    assert [node["creditor"]["name"] for node in nodes(first)] == ["Husleie"] and first["pageInfo"]["hasNextPage"]
    assert last == ["Nytt år"]


async def test_a_page_belongs_to_its_filter(kari: Player) -> None:
    first = (await kari.ask(SEARCH, filter={"text": "bær"}, first=1))["viewer"]["payments"]
    end = first["pageInfo"]["endCursor"]
    assert await kari.error_code(SEARCH, filter={"text": "hus"}, first=1, after=end) == "INVALID_CURSOR"


async def test_payments_of_the_version_before_are_found(play: Play, kari: Player) -> None:
    database = play.gateway.infrastructure.database
    async with database.write() as session:
        await session.exec(update(PaymentRow).values(search_text=None))
        await session.commit()

    assert await asyncio.gather(*(found(kari, {"text": "strøm"}) for _ in range(4))) == [["Strøm"]] * 4
    async with database.read() as session:
        left = await session.exec(select(PaymentRow.id).where(col(PaymentRow.search_text).is_(None)))
        assert left.first() is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"text": "ø"}, "text"),
        ({"text": "x" * 101}, "text"),
        ({"minAmount": nok(2), "maxAmount": nok(1)}, "maxAmount"),
        ({"minAmount": nok(-1)}, "minAmount"),
        ({"createdFrom": "2026-11-02", "createdTo": "2026-11-01"}, "createdTo"),
        ({"executionFrom": "2026-11-02", "executionTo": "2026-11-01"}, "executionTo"),
        ({"accounts": [f"acc_{number}" for number in range(101)]}, "accounts"),
        ({"creditorAccount": "12345678901"}, "creditorAccount"),
    ],
)
async def test_a_filter_that_fits_nothing_is_named(play: Play, given: dict[str, Any], field: str) -> None:
    kari = await play.person()
    [error] = (await kari.post(SEARCH, filter=given, first=5)).json()["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["field"] == ["filter", field]
