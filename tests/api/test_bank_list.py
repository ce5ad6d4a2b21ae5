"""The list of banks: an older one is shown while it cannot be read."""

import time

import httpx
import pytest
from sqlalchemy.pool import AsyncAdaptedQueuePool

from tests.builders.gateway import Play
from tests.builders.line import Line

BANKS = '{ banks(country: "NO") { id } }'
HOUR_S = 3_600


async def test_an_older_list_is_shown_for_a_day_while_it_cannot_be_read(play: Play) -> None:
    kari = await play.person()
    bank_list = play.gateway.services.bank_list
    listed = await kari.ask(BANKS)
    Line(play.gateway.sandbox).is_silent_to(b"/bank/banks")

    bank_list._now = lambda: time.monotonic() + 2 * HOUR_S
    shown = await kari.ask(BANKS)
    bank_list._now = lambda: time.monotonic() + 25 * HOUR_S
    refused = (await kari.post(BANKS)).json()

    assert len(listed["banks"]) == 5
    assert shown == listed
    assert refused["errors"][0]["extensions"]["code"] == "PROVIDER_UNAVAILABLE"


async def test_a_query_holds_no_connection_while_its_vendor_is_waited_for(play: Play) -> None:
    kari, account = await play.banked()
    bank_list, held = play.gateway.services.bank_list, list[int]()
    bank_list._now = lambda: time.monotonic() + 2 * HOUR_S
    pool = play.gateway.infrastructure.database.read_engine.sync_engine.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)

    async def look(_: httpx.Request) -> None:
        held.append(pool.checkedout())

    play.gateway.sandbox.event_hooks["request"].append(look)
    query = "query($id: ID!) { node(id: $id) { ... on BankAccount { bank { name } balances { type } } } }"
    found = await kari.ask(query, id=account)

    assert found["node"]["bank"]["name"]
    assert held == [0]


@pytest.mark.parametrize("country", ["", "no", "NOR", "XK", "N\u00d8", "N" * 5_000])
async def test_a_country_that_is_none_is_refused_before_a_vendor_is_asked(play: Play, country: str) -> None:
    Line(play.gateway.sandbox).is_silent_to(b"/bank/banks")

    body = (await play.browser().post("query($c: String!) { banks(country: $c) { id } }", c=country)).json()

    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", ["country"])
    assert "two capital letters" in error["message"]
