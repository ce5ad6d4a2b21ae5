"""Lines of statements are found by text, amount, direction, day and account, over all accounts of their user alone."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlmodel import col, select, update

from db.tables.bank import BankTransactionRow
from tests.builders.gateway import Play, Player, nodes

SEARCH = """query($filter: TransactionFilter, $first: Int, $after: String, $last: Int, $before: String) { viewer {
  transactions(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
  edges { cursor node { id counterpartyName amount { amountMinor } bookingDate } }
  pageInfo { hasNextPage hasPreviousPage endCursor startCursor } } } }"""
ACCOUNTS = "{ viewer { bankAccounts { edges { node { id } } } } }"
DNB = [
    {"amountMinor": -4_900, "counterparty": "BLÅBÆR OG ØST AS", "bookingDate": "2026-11-20"},
    {"amountMinor": 100_000, "counterparty": "Arbeidsgiver", "message": "Lønn 100%", "bookingDate": "2026-11-22"},
]
NORDEA = [{"amountMinor": -77_777, "counterparty": "Straße_nbygg", "bookingDate": "2026-11-21"}]


def nok(amount_minor: int) -> dict[str, str]:
    return {"amountMinor": str(amount_minor), "currency": "NOK"}


@pytest.fixture
async def kari(play: Play) -> Player:
    """Somebody with two banks whose seeded lines stand among the everyday ones."""
    kari = play.browser()
    banks = [{"id": "bank_dnb", "transactions": DNB}, {"id": "bank_nordea", "transactions": NORDEA}]
    assert (await kari.http.post("/api/mock/users", json={"banks": banks})).status_code == 201
    return kari


async def found(player: Player, given: dict[str, Any] | None, **page: Any) -> list[str]:
    data = await player.ask(SEARCH, filter=given, **{"first": 100, **page})
    return [node["counterpartyName"] for node in nodes(data["viewer"]["transactions"])]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("blåbær", ["BLÅBÆR OG ØST AS"]),
        ("øst", ["BLÅBÆR OG ØST AS"]),
        ("bla\u030abær", ["BLÅBÆR OG ØST AS"]),
        ("LØNN", ["Arbeidsgiver"]),
        ("100%", ["Arbeidsgiver"]),
        ("1%0", []),
        ("STRASSE_", ["Straße_nbygg"]),
        ("e_r", []),
        ("giver lønn", []),
        ("  og   øst ", ["BLÅBÆR OG ØST AS"]),
    ],
)
async def test_a_text_is_found_in_any_case_and_form(kari: Player, text: str, names: Sequence[str]) -> None:
    assert await found(kari, {"text": text}) == names


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"minAmount": nok(77_777), "maxAmount": nok(100_000)}, ["Arbeidsgiver", "Straße_nbygg"]),
        ({"direction": "IN"}, ["Arbeidsgiver"]),
        ({"direction": "OUT", "minAmount": nok(77_777), "maxAmount": nok(77_777)}, ["Straße_nbygg"]),
        ({"maxAmount": {"amountMinor": "5000", "currency": "EUR"}}, []),
        ({"text": "ar", "bookedFrom": "2026-11-22", "bookedTo": "2026-11-22"}, ["Arbeidsgiver"]),
    ],
)
async def test_lines_are_found_by_amount_direction_and_day(
    kari: Player, given: dict[str, Any], names: Sequence[str]
) -> None:
    assert await found(kari, given) == names


async def test_an_account_is_searched_by_itself_and_another_users_never(play: Play, kari: Player) -> None:
    accounts = [node["id"] for node in nodes((await kari.ask(ACCOUNTS))["viewer"]["bankAccounts"])]
    of_each = [await found(kari, {"text": "øst", "accounts": [account]}) for account in accounts]
    stranger = play.browser()
    await stranger.http.post("/api/mock/users", json={})

    assert sorted(map(len, of_each)) == [0, 1]
    assert await found(stranger, {"accounts": accounts}) == await found(stranger, None) == []
    assert await found(kari, {"accounts": []}) == []


async def test_pages_follow_each_other_both_ways_and_belong_to_their_filter(kari: Player) -> None:
    every = await found(kari, {"direction": "OUT"})
    first = (await kari.ask(SEARCH, filter={"direction": "OUT"}, first=5))["viewer"]["transactions"]
    end = first["pageInfo"]["endCursor"]
    following = await found(kari, {"direction": "OUT"}, first=5, after=end)

    assert [node["counterpartyName"] for node in nodes(first)] + following == every[:10]
    edge = first["edges"][3]["cursor"]
    assert await found(kari, {"direction": "OUT"}, first=None, last=3, before=edge) == every[:3]
    days = [node["bookingDate"] for node in nodes(first)]
    assert days == sorted(days, reverse=True)
    assert await kari.error_code(SEARCH, filter={"direction": "IN"}, first=5, after=end) == "INVALID_CURSOR"


async def test_lines_of_the_version_before_are_found(play: Play, kari: Player) -> None:
    database = play.gateway.infrastructure.database
    async with database.write() as session:
        await session.exec(update(BankTransactionRow).values(search_text=None))
        await session.commit()

    searches = await asyncio.gather(*(found(kari, {"text": "blåbær"}) for _ in range(4)))
    assert searches == [["BLÅBÆR OG ØST AS"]] * 4
    async with database.read() as session:
        left = await session.exec(select(BankTransactionRow.id).where(col(BankTransactionRow.search_text).is_(None)))
        assert left.first() is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"text": "ø"}, "text"),
        ({"text": "  ø  "}, "text"),
        ({"text": "x" * 101}, "text"),
        ({"minAmount": nok(2), "maxAmount": nok(1)}, "maxAmount"),
        ({"minAmount": nok(-1)}, "minAmount"),
        ({"minAmount": nok(1), "maxAmount": {"amountMinor": "2", "currency": "EUR"}}, "maxAmount"),
        ({"bookedFrom": "2026-11-02", "bookedTo": "2026-11-01"}, "bookedTo"),
        ({"accounts": [f"acc_{number}" for number in range(101)]}, "accounts"),
    ],
)
async def test_a_filter_that_fits_nothing_is_named(play: Play, given: dict[str, Any], field: str) -> None:
    kari = await play.person()
    [error] = (await kari.post(SEARCH, filter=given, first=5)).json()["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["field"] == ["filter", field]
