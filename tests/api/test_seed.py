"""Users made for tests: in one call, as ordered, each apart from the others."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.builders.gateway import Play, Player, nodes, playing
from tests.builders.own_secrets import OWN
from tests.conftest import NOON

VIEWER = """{ viewer { id name kyc { status retryRequired }
  bankAccounts { edges { node { id bankLink { bank { id } } balances { type amount { amountMinor } } } } } } }"""
LINES = """{ viewer { bankAccounts { edges { node { transactions(first: 3) { edges { node {
  amount { amountMinor } counterpartyName bookingDate } } } } } } } }"""


async def seeded(play: Play, **order: Any) -> list[dict[str, Any]]:
    response = await play.browser().http.post("/api/mock/users", json=order)
    assert response.status_code == 201, response.text
    users: list[dict[str, Any]] = response.json()["users"]
    return users


def with_cookie(play: Play, user: dict[str, Any]) -> Player:
    player = play.browser()
    player.http.cookies.set(user["cookie"]["name"], user["cookie"]["value"])
    return player


def with_token(play: Play, user: dict[str, Any]) -> Player:
    return play.browser(authorization=f"Bearer {user['tokens']['accessToken']}")


async def test_one_call_makes_a_user_with_all_that_was_ordered(play: Play) -> None:
    [user] = await seeded(
        play,
        banks=[{"id": "bank_dnb", "balanceMinor": 500_000}, {"id": "bank_nordea"}],
        payments=[
            {"amountMinor": 12_500, "message": "Takk"},
            {"amountMinor": 900_000},
            {"amountMinor": 700, "bank": "bank_nordea", "approved": False},
            {"amountMinor": 800, "executionDate": "2026-12-01"},
        ],
        plan={"id": "plan_plus"},
    )

    statuses = [payment["status"] for payment in user["payments"]]
    assert statuses == ["SETTLED", "REJECTED", "AUTHORISATION_REQUIRED", "SCHEDULED"]
    assert (user["kyc"], user["plan"]["status"]) == ("APPROVED", "ACTIVE")
    for player in (with_cookie(play, user), with_token(play, user)):
        viewer = (await player.ask(VIEWER))["viewer"]
        assert (viewer["id"], viewer["name"], viewer["kyc"]["status"]) == (user["id"], user["name"], "APPROVED")
        accounts = nodes(viewer["bankAccounts"])
        assert {one["bankLink"]["bank"]["id"] for one in accounts} == {"bank_dnb", "bank_nordea"}
        dnb = next(one for one in accounts if one["bankLink"]["bank"]["id"] == "bank_dnb")
        assert {one["amount"]["amountMinor"] for one in dnb["balances"]} == {"487500"}


async def test_an_account_has_the_lines_that_were_ordered(play: Play) -> None:
    lines = [
        {"amountMinor": -4_900, "counterparty": "Øst Kafé", "bookingDate": "2026-11-23"},
        {"amountMinor": 3_000_000, "counterparty": "Arbeidsgiver AS"},
    ]
    [user] = await seeded(play, banks=[{"id": "bank_dnb", "balanceMinor": 0, "transactions": lines}])

    [account] = nodes((await with_cookie(play, user).ask(LINES))["viewer"]["bankAccounts"])
    shown = [
        (one["amount"]["amountMinor"], one["counterpartyName"], one["bookingDate"])
        for one in nodes(account["transactions"])
    ]
    assert shown[0] == ("3000000", "Arbeidsgiver AS", "2026-11-24")
    assert ("-4900", "Øst Kafé", "2026-11-23") in shown


@pytest.mark.parametrize(
    ("kyc", "status", "retry"),
    [
        ("NOT_STARTED", "NOT_STARTED", False),
        ("PENDING", "PENDING", False),
        ("RETRY", "PENDING", True),
        ("REJECTED", "REJECTED", False),
    ],
)
async def test_a_verification_stands_where_it_was_ordered(play: Play, kyc: str, status: str, retry: bool) -> None:
    [user] = await seeded(play, kyc=kyc)

    viewer = (await with_cookie(play, user).ask(VIEWER))["viewer"]
    assert viewer["kyc"] == {"status": status, "retryRequired": retry}


async def test_many_at_once_are_all_different(play: Play) -> None:
    answers = await asyncio.gather(*(seeded(play, count=3, kyc="NOT_STARTED") for _ in range(3)))

    users = [user for answer in answers for user in answer]
    assert len({user["id"] for user in users}) == len({user["persona"] for user in users}) == 9


async def test_a_single_users_cookie_is_set(play: Play) -> None:
    browser = play.browser()
    response = await browser.http.post("/api/mock/users")

    assert (await browser.ask("{ viewer { id } }"))["viewer"]["id"] == response.json()["users"][0]["id"]


async def test_a_reset_user_begins_anew_and_no_other_is_touched(play: Play) -> None:
    paying = {
        "banks": [{"id": "bank_dnb"}],
        "payments": [{"amountMinor": 12_500}, {"amountMinor": 800, "executionDate": "2026-12-01"}],
        "plan": {"id": "plan_plus"},
    }
    [kari] = await seeded(play, persona="kari", **paying)
    [other] = await seeded(play, **paying)

    gone = await play.browser().http.delete(f"/api/mock/users/{kari['id']}")
    again = await play.browser().http.delete(f"/api/mock/users/{kari['id']}")

    assert (gone.status_code, again.status_code) == (204, 404)
    assert (await with_cookie(play, kari).ask("{ viewer { id } }"))["viewer"] is None
    assert (await with_cookie(play, other).ask("{ viewer { id } }"))["viewer"]["id"] == other["id"]
    [anew] = await seeded(play, persona="kari", banks=[{"id": "bank_dnb"}])
    viewer = (await with_cookie(play, anew).ask(VIEWER))["viewer"]
    assert viewer["id"] != kari["id"]
    balances = [{one["amount"]["amountMinor"] for one in node["balances"]} for node in nodes(viewer["bankAccounts"])]
    assert balances == [{"4825050"}, {"15000000"}]


LINE = {"amountMinor": 1, "counterparty": "Arbeidsgiver"}


@pytest.mark.parametrize(
    ("order", "status", "named"),
    [
        ({"count": 501}, 400, "count"),
        ({"count": 0}, 400, "count"),
        ({"persona": "kari", "count": 2}, 400, "count"),
        ({"persona": "nobody"}, 400, "persona"),
        ({"kyc": "MAYBE"}, 400, "kyc"),
        ({"bank": []}, 400, "bank"),
        ({"banks": [{"id": "bank_none"}]}, 404, "bank"),
        ({"banks": [{"id": "bank_dnb", "balanceMinor": "much"}]}, 400, "banks.0.balanceMinor"),
        ({"banks": [{"id": "bank_dnb", "transactions": [{**LINE, "account": "150300000001"}]}]}, 400, "account"),
        ({"payments": [{"amountMinor": 100}]}, 404, "payments"),
        ({"banks": [{"id": "bank_dnb"}], "payments": [{"amountMinor": 100, "kid": "12"}]}, 400, "KID"),
        ({"kyc": "NOT_STARTED", "plan": {"id": "plan_plus"}}, 403, "identity"),
        ({"plan": {"id": "plan_none"}}, 404, "plan"),
        ([], 400, "The body"),
    ],
)
async def test_what_is_wrong_is_named(play: Play, order: Any, status: int, named: str) -> None:
    response = await play.browser().http.post("/api/mock/users", json=order)

    assert response.status_code == status, response.text
    assert named in response.text


async def test_another_sites_page_makes_and_resets_nobody(play: Play) -> None:
    stranger = play.browser(origin="https://evil.example").http
    made = await stranger.post("/api/mock/users", json={})
    gone = await stranger.delete("/api/mock/users/usr_1")

    assert (made.status_code, gone.status_code) == (403, 403)


async def test_beside_a_real_vendor_nobody_is_made_up(database_url: str, tmp_path: Path) -> None:
    real: dict[str, Any] = {"geocoding_provider": "google", "google_maps_api_key": "AIza-1", **OWN}
    async with playing(database_url, tmp_path, NOON, **real) as play:
        made = await play.browser().http.post("/api/mock/users", json={})
        gone = await play.browser().http.delete("/api/mock/users/usr_1")

    assert (made.status_code, gone.status_code) == (403, 403)
