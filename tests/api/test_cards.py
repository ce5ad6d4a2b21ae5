"""Cards that Drop issues, behind their flags."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.builders.cards import key
from tests.builders.gateway import Play, Player, nodes, playing
from tests.builders.line import Line
from tests.conftest import NOON

ADDRESS = 'mutation { updateProfile(input: {address: "Karl Johans gate 1"}) { user { id } } }'
HOLDER = "mutation { createCardholder { cardholder { name address } userErrors { code } } }"
ISSUE = """mutation($input: IssueCardInput!) { issueCard(input: $input) {
  card { id type status last4 expiryMonth expiryYear version } userErrors { code field } } }"""
STATUS = """mutation($id: ID!) { %s(input: {id: $id}) { card { status } userErrors { code } } }"""
CARDS = "{ viewer { cards { edges { node { id type status last4 failure { code message } } } } } }"


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


@pytest.fixture
async def issuing(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """A gateway with every card flag on."""
    on: dict[str, Any] = {"feature_cardholders": True, "feature_virtual_cards": True, "feature_physical_cards": True}
    async with playing(database_url, tmp_path, NOON, machine_clock=None, **on) as play:
        yield play


async def holder(play: Play) -> Player:
    kari = await play.approved()
    await kari.ask(ADDRESS)
    payload = (await kari.ask(HOLDER))["createCardholder"]
    assert payload["cardholder"] == {"name": "Kari Nordmann", "address": "Karl Johans gate 1, 0154 Oslo, Norge"}
    return kari


async def issue(player: Player, kind: str = "VIRTUAL", **changes: str) -> dict[str, Any]:
    given = {"type": kind, "idempotencyKey": key(), **changes}
    payload: dict[str, Any] = (await player.ask(ISSUE, input=given))["issueCard"]
    return payload


async def become(player: Player, mutation: str, card: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await player.ask(STATUS % mutation, id=card))[mutation]
    return payload


async def test_with_every_flag_off_the_operations_say_so(play: Play) -> None:
    kari = await play.approved()

    assert codes((await kari.ask(HOLDER))["createCardholder"]) == ["FEATURE_DISABLED"]
    assert codes(await issue(kari)) == ["FEATURE_DISABLED"]
    assert codes(await issue(kari, "PHYSICAL")) == ["FEATURE_DISABLED"]
    features = (await play.browser().ask("{ features { name enabled } }"))["features"]
    assert {feature["enabled"] for feature in features} == {False}
    assert len(features) == 3


@pytest.mark.parametrize("kind", ["VIRTUAL", "PHYSICAL"])
async def test_a_card_is_issued_frozen_unfrozen_and_cancelled(issuing: Play, kind: str) -> None:
    kari = await holder(issuing)

    card = (await issue(kari, kind))["card"]
    assert (card["type"], card["status"], len(card["last4"])) == (kind, "ACTIVE", 4)
    steps = []
    for mutation in ("freezeCard", "freezeCard", "unfreezeCard", "cancelCard", "cancelCard"):
        steps.append((await become(kari, mutation, card["id"]))["card"]["status"])
    late = await become(kari, "unfreezeCard", card["id"])

    assert steps == ["FROZEN", "FROZEN", "ACTIVE", "CANCELLED", "CANCELLED"]
    assert codes(late) == ["INVALID_STATE"]
    cards = nodes((await kari.ask(CARDS))["viewer"]["cards"])
    assert [(one["status"], one["failure"]) for one in cards] == [("CANCELLED", None)]


async def test_the_same_key_issues_one_card(issuing: Play) -> None:
    kari = await holder(issuing)
    same = key()

    first, again = await issue(kari, idempotencyKey=same), await issue(kari, idempotencyKey=same)
    other = await issue(kari, "PHYSICAL", idempotencyKey=same)

    assert first["card"]["id"] == again["card"]["id"]
    assert codes(other) == ["IDEMPOTENCY_KEY_REUSED"]


async def test_what_must_come_first_is_asked_for(issuing: Play) -> None:
    somebody, kari = await issuing.person("new"), await issuing.approved()

    assert codes((await somebody.ask(HOLDER))["createCardholder"]) == ["KYC_REQUIRED"]
    assert codes((await kari.ask(HOLDER))["createCardholder"]) == ["ADDRESS_REQUIRED"]
    assert codes(await issue(kari)) == ["NOT_FOUND"]
    silje = await issuing.person("silje")
    await kari.ask(ADDRESS)
    await kari.ask(HOLDER)
    card = (await issue(kari))["card"]["id"]
    for mutation in ("freezeCard", "unfreezeCard", "cancelCard"):
        assert codes(await become(silje, mutation, card)) == ["NOT_FOUND"]


async def test_no_more_than_ten_cards_at_once(issuing: Play) -> None:
    kari = await holder(issuing)
    for _ in range(10):
        assert codes(await issue(kari)) == []

    assert codes(await issue(kari)) == ["INVALID_STATE"]


async def test_an_answer_that_was_lost_is_found_and_makes_no_second_card(issuing: Play) -> None:
    kari = await holder(issuing)
    Line(issuing.gateway.sandbox).harm(at=1, after=httpx.ReadTimeout("lost"), times=3)

    requested = (await issue(kari))["card"]
    too_early = await become(kari, "freezeCard", requested["id"])
    await issuing.advance(seconds=60)

    assert requested["status"] == "REQUESTED"
    assert codes(too_early) == ["INVALID_STATE"]
    assert [one["status"] for one in nodes((await kari.ask(CARDS))["viewer"]["cards"])] == ["ACTIVE"]
    second = (await issuing.gateway.sandbox.get("/issuing/cards/ic_000002")).status_code
    assert second == 404


@pytest.mark.parametrize("is_lost", [False, True])
async def test_a_card_that_the_issuer_refuses_has_failed_and_holds_up_nothing(issuing: Play, is_lost: bool) -> None:
    kari = await holder(issuing)
    line = Line(issuing.gateway.sandbox)
    async with issuing.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE cardholder SET vendor_cardholder_id = 'ich_gone'"))
    if is_lost:
        line.harm(at=1, before=httpx.ConnectError("away"), times=3)

    refused = await issue(kari)
    await issuing.advance(seconds=60)

    assert codes(refused) == ([] if is_lost else ["INVALID_STATE"])
    (card,) = nodes((await kari.ask(CARDS))["viewer"]["cards"])
    assert card["status"] == "FAILED"
    assert card["failure"]["code"] == "CARDHOLDER_UNKNOWN"
    assert card["failure"]["message"].startswith("Kortutstederen kjenner deg ikke")
    assert codes(await become(kari, "freezeCard", card["id"])) == ["INVALID_STATE"]
    left = await kari.ask("mutation { deleteAccount(input: {confirm: true}) { userErrors { code } } }")
    assert left["deleteAccount"]["userErrors"] == []


async def test_an_issuer_that_is_away_is_a_clear_error(issuing: Play) -> None:
    kari = await holder(issuing)
    card = (await issue(kari))["card"]["id"]
    Line(issuing.gateway.sandbox).cut()

    assert codes(await become(kari, "freezeCard", card)) == ["PROVIDER_UNAVAILABLE"]


async def test_losing_kyc_approval_freezes_cards_and_none_is_unfrozen(issuing: Play) -> None:
    kari = await holder(issuing)
    card = (await issue(kari))["card"]["id"]
    page = (await kari.http.get("/sandbox/")).text
    applicant = page.split('action="/sandbox/applicants/')[1].split('"')[0]

    await kari.http.post(f"/sandbox/applicants/{applicant}", data={"verdict": "rejected"})
    await issuing.settle()

    assert nodes((await kari.ask(CARDS))["viewer"]["cards"])[0]["status"] == "FROZEN"
    assert codes(await become(kari, "unfreezeCard", card)) == ["KYC_REQUIRED"]


async def test_a_user_who_leaves_has_no_card_that_can_pay(issuing: Play) -> None:
    kari = await holder(issuing)
    await issue(kari)

    left = await kari.ask("mutation { deleteAccount(input: {confirm: true}) { deletedAt userErrors { code } } }")

    assert left["deleteAccount"]["userErrors"] == []
    card = (await issuing.gateway.sandbox.get("/issuing/cards/ic_000001")).json()
    assert card["status"] == "canceled"
