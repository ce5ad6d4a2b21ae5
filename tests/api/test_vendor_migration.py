"""Card customers on their way to another vendor and back: by consent, with a stop for all processes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from sqlalchemy import text

from tests.api.test_leaving import delete
from tests.builders.cards import card_payment, charges, create, paid, plan_of, refund, subscribe
from tests.builders.gateway import Play, Player
from tests.builders.server import free_port
from tests.builders.twin import Twin, second_card_vendor

MOVES = "{ viewer { vendorMoves { id port fromVendor toVendor consentedAt movedAt } } }"
CONSENT = """mutation($id: ID!) { consentToVendorMove(input: {id: $id}) {
  vendorMove { consentedAt movedAt } userErrors { code field } } }"""
WITHDRAW = """mutation($id: ID!) { withdrawVendorMoveConsent(input: {id: $id}) {
  vendorMove { consentedAt movedAt } userErrors { code field } } }"""
PATH = "/api/operator/moves/card_payments"


@pytest.fixture
async def twin(database_url: str, tmp_path: Path) -> AsyncIterator[Twin]:
    async with second_card_vendor(database_url, tmp_path) as twin:
        yield twin


async def move_of(player: Player) -> dict[str, Any]:
    (move,) = (await player.ask(MOVES))["viewer"]["vendorMoves"]
    return dict(move)


async def consent(player: Player) -> dict[str, Any]:
    return dict((await player.ask(CONSENT, id=(await move_of(player))["id"]))["consentToVendorMove"]["vendorMove"])


async def start(play: Play) -> dict[str, Any]:
    response = await play.browser().http.post(PATH)
    assert response.status_code == 202, response.text
    await play.settle()
    return await report(play)


async def report(play: Play) -> dict[str, Any]:
    return dict((await play.browser().http.get(PATH)).json())


async def rows(play: Play, query: str) -> list[Any]:
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        return list((await connection.execute(text(query))).all())


async def queued(play: Play) -> list[str]:
    return [kind for (kind,) in await rows(play, "SELECT kind FROM job WHERE kind LIKE 'move_customer%'")]


async def lose_jobs(play: Play) -> None:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("DELETE FROM job WHERE kind LIKE 'move_customer%'"))
    assert await queued(play) == []


async def test_a_customer_who_consented_moves_and_comes_back_and_what_was_begun_ends_where_it_began(twin: Twin) -> None:
    async with twin.running() as play:
        kari, lars = await twin.approved(play, "kari"), await twin.approved(play, "lars")
        before = await paid(kari, 10_000)
        await subscribe(kari)
        (pinned,) = await rows(play, "SELECT vendor, reference FROM provider_pin ORDER BY user_id LIMIT 1")
        asked = await move_of(kari)
        agreed = await consent(kari)
        found = await kari.ask("query($id: ID!) { node(id: $id) { ... on VendorMove { id port } } }", id=asked["id"])
        counted = (await report(play))["customers"]

        after = await start(play)
        moved = await paid(kari, 20_000)
        await paid(lars, 30_000)
        refunded = await refund(kari, before, 4_000)
        ids = await rows(play, "SELECT from_reference, to_reference FROM vendor_move_consent")
        done = await move_of(kari)
        plan = await plan_of(kari)

        reverted = (await play.browser().http.post(f"{PATH}/revert")).json()
        back = await paid(kari, 50_000)
        pins = await rows(play, "SELECT vendor, reference FROM provider_pin ORDER BY user_id")
        audit = [
            one
            for (one,) in await rows(
                play, "SELECT action FROM audit_event WHERE action LIKE 'vendor_move%' ORDER BY at, id"
            )
        ]
        at_first = [one["amount"] for one in await charges(play)]
        (again,) = (await kari.ask(MOVES))["viewer"]["vendorMoves"] or [None]
        statuses = {(await card_payment(kari, one))["status"] for one in (before, moved, back)}

    assert (asked["port"], asked["fromVendor"], asked["toVendor"]) == ("CARD_PAYMENTS", "mock", "stripe")
    assert found["node"] == {"id": asked["id"], "port": "CARD_PAYMENTS"}
    assert (asked["consentedAt"], agreed["movedAt"]) == (None, None)
    assert agreed["consentedAt"]
    assert counted == {"atOldVendor": 2, "willing": 1, "moved": 0, "plansThatStay": 1}
    assert after["customers"] == {"atOldVendor": 1, "willing": 0, "moved": 1, "plansThatStay": 1}
    assert done["movedAt"]
    assert plan is not None and plan["status"] == "ACTIVE"
    assert (refunded["payment"]["refundStatus"], refunded["userErrors"]) == ("PARTIAL", [])
    assert [one[0] for one in ids] == [pinned.reference]
    assert ids[0][0] != ids[0][1]
    assert await twin.charges() == [20_000]
    assert sorted(at_first) == [4_900, 10_000, 30_000, 50_000]
    assert (reverted["takenBack"], reverted["stoppedBecause"]) == (1, "REVERTED")
    assert again is None
    assert [one.vendor for one in pins] == ["mock", "mock"]
    assert pinned.reference in {one.reference for one in pins}
    assert [one.removeprefix("vendor_move_") for one in audit] == ["began", "consented", "customer_moved", "reverted"]
    assert statuses == {"SETTLED"}


async def test_a_move_that_goes_on_after_it_was_reverted_finds_the_customers_that_it_made(twin: Twin) -> None:
    async with twin.running() as play:
        kari = await twin.approved(play, "kari")
        await consent(kari)
        await start(play)
        await play.browser().http.post(f"{PATH}/revert")
        after = await start(play)
        await paid(kari)

    assert after["customers"]["moved"] == 1
    assert await twin.customer("After Us") == "cus_000004"  # two before us, one of Kari


async def test_consent_can_be_taken_back_until_the_move_is_done(twin: Twin) -> None:
    async with twin.running() as play:
        kari = await twin.approved(play, "kari")
        move = (await move_of(kari))["id"]
        await consent(kari)
        withdrawn = (await kari.ask(WITHDRAW, id=move))["withdrawVendorMoveConsent"]
        without = (await start(play))["customers"]

        await consent(kari)
        await start(play)
        late = (await kari.ask(WITHDRAW, id=move))["withdrawVendorMoveConsent"]
        stranger = (await (await play.person("ingrid")).ask(CONSENT, id="mov_unknown"))["consentToVendorMove"]

    assert withdrawn == {"vendorMove": {"consentedAt": None, "movedAt": None}, "userErrors": []}
    assert (without["willing"], without["moved"]) == (0, 0)
    assert late == {"vendorMove": None, "userErrors": [{"code": "INVALID_STATE", "field": ["input", "id"]}]}
    assert stranger["userErrors"] == [{"code": "NOT_FOUND", "field": ["input", "id"]}]


async def test_who_consents_once_the_move_has_started_is_moved_without_another_start(twin: Twin) -> None:
    async with twin.running() as play:
        kari, lars = await twin.approved(play, "kari"), await twin.approved(play, "lars")
        await consent(kari)
        before = await queued(play)
        await start(play)
        await consent(lars)
        await play.settle()
        after = (await report(play))["customers"]

    assert before == []
    assert (after["willing"], after["moved"]) == (0, 2)


async def test_a_move_whose_jobs_were_lost_goes_on(twin: Twin) -> None:
    async with twin.running() as play:
        orphans = play.gateway.services.orphans
        kari, lars = await twin.approved(play, "kari"), await twin.approved(play, "lars")
        await consent(kari)
        await twin.sandbox.advance(minutes=20)
        unstarted = await orphans.start()
        assert (await play.browser().http.post(PATH)).status_code == 202
        await lose_jobs(play)
        young = await orphans.start()
        await twin.sandbox.advance(minutes=20)
        found = [await orphans.start(), await orphans.start()]
        figures = (await play.browser().http.get("/metrics")).text
        await play.settle()
        moved = await report(play)
        await consent(lars)
        await lose_jobs(play)
        await play.browser().http.post(f"{PATH}/revert")
        stopped = await orphans.start()

    assert (unstarted, young, found, stopped) == (0, 0, [1, 0], 0)
    assert 'drop_oldest_row_seconds{row="vendor migration",status="STARTED"} 1200.0' in figures
    assert (moved["customers"]["willing"], moved["customers"]["moved"]) == (0, 1)


async def test_who_leaves_is_forgotten_by_both_vendors(twin: Twin) -> None:
    async with twin.running() as play:
        kari = await twin.approved(play, "kari")
        await consent(kari)
        await start(play)
        ids = await rows(play, "SELECT from_reference, to_reference FROM vendor_move_consent")
        assert (await delete(kari))["userErrors"] == []
        await play.settle()
        left = await rows(play, "SELECT user_id FROM vendor_move_consent")
        gone = [
            await http.post("/cards/payment_intents", json={"customer": customer, "amount": 500})
            for http, customer in ((play.gateway.sandbox, ids[0][0]), (twin.sandbox.http, ids[0][1]))
        ]

    assert left == []
    assert [(one.status_code, one.json()["code"]) for one in gone] == [(400, "resource_missing")] * 2


async def test_a_payment_under_way_while_its_customer_moves_is_made_once_at_the_vendor_it_began_with(
    twin: Twin,
) -> None:
    async with twin.running() as play:
        kari = await twin.approved(play, "kari")
        await consent(kari)
        created = asyncio.create_task(create(kari, 15_000))
        await start(play)
        payment = (await created)["payment"]
        vendors = await rows(play, "SELECT vendor, vendor_payment_id FROM payment")

    assert payment["status"] == "AUTHORISATION_REQUIRED"
    assert len(vendors) == 1
    assert vendors[0].vendor_payment_id


async def test_a_stop_holds_in_every_process_until_an_operator_goes_on(twin: Twin) -> None:
    gone = {"stripe_api_url": f"http://127.0.0.1:{free_port()}", "next_provider_share": 100}
    async with twin.running(**gone) as play:
        with stamina.set_testing(True, attempts=4, cap=True):
            for number in range(12):
                if not (await report(play))["stoppedAt"]:
                    player = await twin.approved(play, ("kari", "lars", "silje")[number % 3])
                    await create(player)
                    await play.gateway.services.vendor_migrations.agree()
        stopped_here = await report(play)

    async with twin.running(next_provider_share=100) as play:
        await twin.approved(play, "ola")
        pinned = {one for (one,) in await rows(play, "SELECT vendor FROM provider_pin")}
        stopped_there = await report(play)
        resumed = await start(play)
        audit = [
            one
            for (one,) in await rows(
                play, "SELECT action FROM audit_event WHERE action LIKE 'vendor_move%' ORDER BY at, id"
            )
        ]

    assert (stopped_here["stoppedBecause"], stopped_there["stoppedBecause"]) == ("ERROR_BUDGET", "ERROR_BUDGET")
    assert pinned == {"mock"}
    assert resumed["stoppedAt"] is None
    assert audit == ["vendor_move_began", "vendor_move_stopped", "vendor_move_resumed"]
