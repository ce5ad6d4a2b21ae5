"""Approvals in the bank's app, of which the bank shows another code or text while the user is at it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sandbox.people import personas
from tests.builders.gateway import CONNECT, PAY, Play, Player, a_payment, first_account, pay, payment_of
from tests.builders.odd_banks import RENEW, OddBank, odd_bank
from tests.builders.sockets import opened, socket_of
from tests.vendors.nextgenpsd2 import Sca

LINK = """query($id: ID!) { node(id: $id) { ... on BankLink { status version
  authorisation { kind url message challenge expiresAt } } } }"""
FOLLOW = """subscription { bankLinkUpdated { kind bankLinks { status version authorisation { challenge } } } }"""
CANCEL = """mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { cancellation { status
  authorisation { kind url message challenge } } } userErrors { code } } }"""
CANCELLATION = """subscription($id: ID!) { paymentUpdated(id: $id) { payment { status
  cancellation { status authorisation { challenge } } } } }"""
FIRST, SECOND = "4711", "0815"


@pytest.fixture(params=["open_payments", "direct"])
async def bank(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        yield bank


def asks_in_the_app(bank: OddBank) -> None:
    """From now on the bank has consents and payments approved without a page."""
    if bank.kind == "open_payments":
        bank.face.is_decoupled = True
    else:
        bank.face.consents_by = bank.face.sca = Sca.DECOUPLED


async def decide_in_the_app(bank: OddBank, decision: str = "approve") -> None:
    accounts = [account.resource_id for account in personas()["kari"].at_bank("bank_dnb")]
    await bank.sandbox.press(f"/sandbox/bank/consents/{bank.odd.consents[-1]}", decision=decision, account=accounts)


async def link_of(player: Player, link: str) -> dict[str, Any]:
    return dict((await player.ask(LINK, id=link))["node"])


async def stored(play: Play) -> Any:
    """What is kept of the newest consent's approval."""
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        query = text("SELECT authorisation_encrypted, authorisation_expires_at FROM consent ORDER BY id DESC LIMIT 1")
        return tuple((await connection.execute(query)).one())


async def test_what_the_app_shows_of_a_consent_is_kept_and_pushed_when_it_changes(bank: OddBank) -> None:
    asks_in_the_app(bank)
    link = (await bank.kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]["bankLink"]["id"]
    asked = await link_of(bank.kari, link)
    async with socket_of(bank.play, bank.kari) as socket:
        await opened(socket)
        await socket.subscribe(FOLLOW)
        seen = [await socket.item()]
        await bank.pass_time(seconds=2)  # The same code is no news.
        bank.face.code = SECOND
        await bank.pass_time(seconds=2)
        seen.append(await socket.item())
        kept, changed = await stored(bank.play), await link_of(bank.kari, link)
        await decide_in_the_app(bank)
        await bank.pass_time(seconds=2)
        seen.append(await socket.item())

    shown = {"kind": "DECOUPLED", "url": None, "message": "Open your BankID app.", "expiresAt": None}
    assert asked["authorisation"] == {**shown, "challenge": FIRST}
    assert changed == {**asked, "authorisation": {**shown, "challenge": SECOND}}
    assert SECOND.encode() not in kept[0]
    links = [item["bankLinks"][0] for item in seen]
    assert [one["authorisation"] and one["authorisation"]["challenge"] for one in links] == [FIRST, SECOND, None]
    assert [one["status"] for one in links] == ["AWAITING_AUTHORISATION", "AWAITING_AUTHORISATION", "ACTIVE"]
    assert await stored(bank.play) == (None, None)


async def test_a_consent_that_is_refused_in_the_app_shows_no_approval(bank: OddBank) -> None:
    asks_in_the_app(bank)
    link = (await bank.kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]["bankLink"]["id"]

    await decide_in_the_app(bank, "refuse")
    await bank.pass_time(seconds=2)

    refused = await link_of(bank.kari, link)
    assert (refused["status"], refused["authorisation"]) == ("REJECTED", None)
    assert await stored(bank.play) == (None, None)


async def test_a_renewal_in_the_app_is_followed_while_the_older_consent_lives(bank: OddBank) -> None:
    await bank.connect()
    link = (await bank.link())["id"]
    asks_in_the_app(bank)

    await bank.kari.ask(RENEW, id=link)
    bank.face.code = SECOND
    await bank.pass_time(seconds=2)
    waiting = await link_of(bank.kari, link)
    await decide_in_the_app(bank)
    await bank.pass_time(seconds=2)
    renewed = await link_of(bank.kari, link)

    assert (waiting["status"], waiting["authorisation"]["challenge"]) == ("ACTIVE", SECOND)
    assert (renewed["status"], renewed["authorisation"]) == ("ACTIVE", None)


@pytest.mark.parametrize("bank", ["direct"], indirect=True)
async def test_what_a_bank_says_beside_its_page_makes_no_approval_in_the_app(bank: OddBank) -> None:
    link = (await bank.kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]["bankLink"]["id"]
    at_bank = (await bank.sandbox.inner.get(f"/bank/consents/{bank.odd.consents[-1]}")).json()
    asks_in_the_app(bank)

    await bank.kari.http.get(at_bank["redirectUri"])
    await bank.pass_time(seconds=2)

    assert await bank.jobs("watch_consent_approval") == 1
    assert (await link_of(bank.kari, link))["authorisation"] is None


async def test_what_the_app_shows_of_a_cancellation_is_pushed_when_it_changes(bank: OddBank) -> None:
    await bank.connect()
    given = a_payment(await first_account(bank.kari), executionDate=bank.day(back=-7))
    payment = (await pay(bank.kari, given))["payment"]
    await bank.visit(payment["authorisationUrl"])
    asks_in_the_app(bank)

    asked = (await bank.kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]["payment"]["cancellation"]
    async with socket_of(bank.play, bank.kari) as socket:
        await opened(socket)
        await socket.subscribe(CANCELLATION, id=payment["id"])
        seen = [await socket.item()]
        bank.face.code = SECOND
        await bank.pass_time(seconds=2)
        seen.append(await socket.item())

    shown = {"kind": "DECOUPLED", "url": None, "message": "Open your BankID app.", "challenge": FIRST}
    assert asked == {"status": "AUTHORISATION_REQUIRED", "authorisation": shown}
    challenges = [item["payment"]["cancellation"]["authorisation"]["challenge"] for item in seen]
    assert challenges == [FIRST, SECOND]


async def test_the_sandbox_asks_for_a_consent_and_a_cancellation_in_its_banks_app(play: Play) -> None:
    kari = await play.approved()

    link = (await ask_in_the_app(kari, CONNECT, bank="bank_dnb"))["bankLink"]["id"]
    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(FOLLOW)
        links = [await socket.item()]
        await play.advance(seconds=30)
        links.append(await socket.item())
    page = "/sandbox/bank/consents/cons-000001"
    assert page in (await kari.browse("/sandbox/")).text
    await kari.press(page, "approve")
    await play.advance(seconds=2)
    given = a_payment(await first_account(kari), executionDate="2026-12-01")
    payment = (await ask_in_the_app(kari, PAY, input=given))["payment"]["id"]
    await kari.press("/sandbox/bank/payments/obp-000001", "approve")
    await play.advance(seconds=2)
    asked = (await kari.ask(CANCEL, id=payment))["cancelPayment"]["payment"]["cancellation"]["authorisation"]
    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(CANCELLATION, id=payment)
        payments = [await socket.item()]
        await play.advance(seconds=30)
        payments.append(await socket.item())
    await kari.press("/sandbox/bank/payments/obp-000001/cancellation", "approve")
    await play.advance(seconds=2)

    codes = [item["bankLinks"][0]["authorisation"]["challenge"] for item in links]
    assert codes == ["4711", "4712"]
    assert (await link_of(kari, link))["status"] == "ACTIVE"
    codes = [item["payment"]["cancellation"]["authorisation"]["challenge"] for item in payments]
    assert codes == [asked["challenge"], str(int(asked["challenge"]) + 1)]
    assert (asked["kind"], asked["url"]) == ("DECOUPLED", None)
    assert (await payment_of(kari, payment))["status"] == "CANCELLED"


async def ask_in_the_app(player: Player, query: str, **variables: object) -> dict[str, Any]:
    headers = {"x-drop-scenario": "decoupled"}
    answer = await player.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    (found,) = answer.json()["data"].values()
    return dict(found)
