"""Cancellations that want the user's approval: on a page or in the bank's app, approved or refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders.gateway import Play, a_payment, first_account, nodes, pay, payment_of
from tests.builders.odd_banks import OddBank, odd_bank
from tests.builders.sockets import opened, socket_of
from tests.vendors.nextgenpsd2 import NextGenBanks, Sca

CANCEL = """mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { status cancellation { status
  authorisation { kind url message challenge } } } userErrors { code message } } }"""
CANCELLATION = """query($id: ID!) { node(id: $id) { ... on Payment { status version cancellation { status
  authorisation { challenge } } } } }"""
FOLLOW = """subscription($id: ID!) { paymentUpdated(id: $id) { kind payment { version status
  authorisation { challenge } cancellation { status authorisation { challenge } } } } }"""


@pytest.fixture
async def direct(database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank("direct", database_url, tmp_path) as bank:
        await bank.connect()
        yield bank


async def scheduled(bank: OddBank) -> str:
    """The id of a payment that was approved, in a week from now."""
    given = a_payment(await first_account(bank.kari), executionDate=bank.day(back=-7))
    payment = (await pay(bank.kari, given))["payment"]
    await bank.visit(payment["authorisationUrl"])
    return str(payment["id"])


async def cancel(bank: OddBank, payment: str) -> dict[str, Any]:
    return dict((await bank.kari.ask(CANCEL, id=payment))["cancelPayment"])


async def test_a_cancellation_that_is_refused_on_the_page_is_shown_and_the_payment_goes_on(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account, executionDate="2026-12-01")))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")
    asked = (await kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]["payment"]["cancellation"]

    back = await kari.press(asked["authorisation"]["url"], "refuse")
    refused = await payment_of(kari, payment["id"])
    again = (await kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]["payment"]["cancellation"]

    assert "outcome=refused" in str(back.url)
    assert (refused["status"], refused["cancellation"]["status"]) == ("SCHEDULED", "REFUSED")
    assert refused["cancellation"]["authorisation"] is None
    assert [event["kind"] for event in nodes(refused["history"])][-1] == "CANCELLATION"
    assert again["status"] == "AUTHORISATION_REQUIRED"


@pytest.mark.parametrize("kind", ["open_payments", "direct"])
async def test_a_refusal_on_a_real_banks_page_is_shown_and_a_second_try_cancels(
    kind: str, database_url: str, tmp_path: Path
) -> None:
    async with odd_bank(kind, database_url, tmp_path) as bank:
        await bank.connect()
        payment = await scheduled(bank)
        page = (await cancel(bank, payment))["payment"]["cancellation"]["authorisation"]["url"]

        back = await bank.visit(page, "refuse")
        refused = await payment_of(bank.kari, payment)
        page = (await cancel(bank, payment))["payment"]["cancellation"]["authorisation"]["url"]
        await bank.visit(page)

        assert back.endswith("outcome=refused")
        assert (refused["status"], refused["cancellation"]["status"]) == ("SCHEDULED", "REFUSED")
        ended = await payment_of(bank.kari, payment)
        assert (ended["status"], ended["cancellation"]["status"]) == ("CANCELLED", "CANCELLED")


@pytest.mark.parametrize("sca", [Sca.DECOUPLED, Sca.CHOSEN_DECOUPLED])
async def test_a_cancellation_is_approved_in_the_banks_app(direct: OddBank, sca: Sca) -> None:
    bank: NextGenBanks = direct.face
    payment = await scheduled(direct)
    bank.sca = sca

    asked = (await cancel(direct, payment))["payment"]["cancellation"]
    async with socket_of(direct.play, direct.kari) as socket:
        await opened(socket)
        await socket.subscribe(FOLLOW, id=payment)
        first = (await socket.item())["payment"]
        bank.code = "0815"
        await direct.pass_time(seconds=2)
        pushed = (await socket.item())["payment"]
    changed = (await direct.kari.ask(CANCELLATION, id=payment))["node"]["cancellation"]
    await bank.approve_cancellation("obp-000001")
    await direct.pass_time(seconds=2)

    shown = {"kind": "DECOUPLED", "url": None, "message": "Open your BankID app.", "challenge": "4711"}
    assert asked == {"status": "AUTHORISATION_REQUIRED", "authorisation": shown}
    assert first["cancellation"]["authorisation"] == {"challenge": "4711"}
    assert pushed["cancellation"] == changed
    assert changed == {"status": "AUTHORISATION_REQUIRED", "authorisation": {"challenge": "0815"}}
    ended = await payment_of(direct.kari, payment)
    assert (ended["status"], ended["cancellation"]["status"]) == ("CANCELLED", "CANCELLED")


async def test_a_cancellation_that_is_refused_in_the_banks_app_is_shown_within_seconds(direct: OddBank) -> None:
    bank: NextGenBanks = direct.face
    payment = await scheduled(direct)
    bank.sca = Sca.DECOUPLED
    await cancel(direct, payment)

    await bank.approve_cancellation("obp-000001", "refuse")
    await direct.pass_time(seconds=2)

    refused = await payment_of(direct.kari, payment)
    assert (refused["status"], refused["cancellation"]["status"]) == ("SCHEDULED", "REFUSED")


async def test_a_cancellation_that_drop_cannot_carry_says_where_to_cancel(direct: OddBank) -> None:
    payment = await scheduled(direct)
    direct.face.sca = Sca.TYPED_CODE

    answer = await cancel(direct, payment)

    (error,) = answer["userErrors"]
    assert error["code"] == "INVALID_STATE"
    assert "nettbanken" in error["message"]
    unchanged = await payment_of(direct.kari, payment)
    assert (unchanged["status"], unchanged["cancellation"]) == ("SCHEDULED", None)
