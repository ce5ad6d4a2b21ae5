"""Banks that offer several methods alike: the user chooses one, of which the bank is told once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stamina

from tests.builders.gateway import CONNECT, payment_of
from tests.builders.odd_banks import OddBank, odd_bank
from tests.builders.sockets import opened, socket_of
from tests.vendors.nextgenpsd2 import NextGenBanks, Sca

AWAITED = "authorisation { kind url message challenge expiresAt methods { id name } }"
CHOOSE = f"""mutation($id: ID!, $method: ID!) {{
  choosePaymentApprovalMethod(input: {{paymentId: $id, methodId: $method}}) {{
  payment {{ status {AWAITED} cancellation {{ status {AWAITED} }} }} userErrors {{ code field }} }} }}"""
CHOOSE_FOR_CONSENT = f"""mutation($id: ID!, $method: ID!) {{
  chooseConsentApprovalMethod(input: {{bankLinkId: $id, methodId: $method}}) {{
  bankLink {{ status {AWAITED} }} {AWAITED} userErrors {{ code field }} }} }}"""
PAYMENT = f"""query($id: ID!) {{ node(id: $id) {{ ... on Payment {{ status version {AWAITED}
  cancellation {{ status {AWAITED} }} }} }} }}"""
LINK = f"""query($id: ID!) {{ node(id: $id) {{ ... on BankLink {{ status {AWAITED} }} }} }}"""
FOLLOW = """subscription($id: ID!) { paymentUpdated(id: $id) { payment { authorisation { kind } } } }"""
CANCEL = """mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { status } userErrors { code } } }"""
APPS = [
    {"authenticationType": "PUSH_OTP", "authenticationMethodId": "a", "name": "Mobilbank"},
    {"authenticationType": "PUSH_OTP", "authenticationMethodId": "b", "name": "BankID"},
    {"authenticationType": "SMS_OTP", "authenticationMethodId": "sms", "name": "Kode på SMS"},
    {"authenticationType": "PUSH_OTP", "name": "Without an id"},
]
TO_CHOOSE: dict[str, Any] = {
    **dict.fromkeys(("url", "message", "challenge", "expiresAt")),
    "kind": "CHOICE",
    "methods": [{"id": "a", "name": "Mobilbank"}, {"id": "b", "name": "BankID"}],
}
IN_THE_APP: dict[str, Any] = {
    **dict.fromkeys(("url", "expiresAt")),
    "kind": "DECOUPLED",
    "message": "Open your BankID app.",
    "challenge": "4711",
    "methods": [],
}
NOBODYS = "pay_01K00000000000000000000000"
NOTHING_SENT: tuple[Any, Any] = ("AUTHORISATION_REQUIRED", TO_CHOOSE)


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank("direct", database_url, tmp_path) as bank:
        yield bank


def offers(bank: OddBank, methods: list[dict[str, str]] = APPS) -> NextGenBanks:
    """From now on the bank offers several methods."""
    face: NextGenBanks = bank.face
    face.sca = face.consents_by = Sca.CHOSEN_DECOUPLED
    face.methods = methods
    return face


async def paying(bank: OddBank, methods: list[dict[str, str]] = APPS) -> dict[str, Any]:
    await bank.connect()
    offers(bank, methods)
    return await bank.pay()


async def choose(bank: OddBank, payment: dict[str, Any], method: str) -> tuple[Any, list[str]]:
    found = (await bank.kari.ask(CHOOSE, id=payment["id"], method=method))["choosePaymentApprovalMethod"]
    return found["payment"], [error["code"] for error in found["userErrors"]]


async def stands(bank: OddBank, payment: dict[str, Any]) -> tuple[str, Any]:
    found = (await bank.kari.ask(PAYMENT, id=payment["id"]))["node"]
    return found["status"], found["authorisation"]


async def test_the_user_chooses_a_method_and_the_approval_goes_on_in_its_app(bank: OddBank) -> None:
    payment = await paying(bank)
    asked = await stands(bank, payment)
    await bank.pass_time(minutes=2)
    waiting = (await stands(bank, payment), bank.face.select_calls)
    async with socket_of(bank.play, bank.kari) as socket:
        await opened(socket)
        await socket.subscribe(FOLLOW, id=payment["id"])
        pushed = [await socket.item()]
        chosen = await choose(bank, payment, "b")
        pushed.append(await socket.item())
    await bank.face.approve("obp-000001")
    await bank.pass_time(seconds=2)

    assert asked == NOTHING_SENT
    assert waiting == (NOTHING_SENT, 0)
    assert (chosen[0]["authorisation"], chosen[1]) == (IN_THE_APP, [])
    assert [one["payment"]["authorisation"]["kind"] for one in pushed] == ["CHOICE", "DECOUPLED"]
    assert (bank.face.chosen, bank.face.select_calls) == (["b"], 1)
    assert (await payment_of(bank.kari, payment["id"]))["status"] in ("PROCESSING", "SETTLED")


async def test_a_chosen_method_may_lead_to_a_page_and_back(bank: OddBank) -> None:
    pages = [{**method, "authenticationMethodId": f"page {method['name']}"} for method in APPS[:2]]
    payment = await paying(bank, pages)

    chosen, errors = await choose(bank, payment, "page BankID")
    back = await bank.visit(chosen["authorisation"]["url"])

    assert (chosen["authorisation"]["kind"], errors) == ("REDIRECT", [])
    assert f"payment={payment['id']}" in back
    assert (await stands(bank, payment))[0] in ("PROCESSING", "SETTLED")


async def test_a_choice_is_made_for_a_consent(bank: OddBank) -> None:
    face = offers(bank)
    asked = (await bank.kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
    link = asked["bankLink"]["id"]
    waiting = (await bank.kari.ask(LINK, id=link))["node"]
    face.drops_selections = True
    with stamina.set_testing(True, attempts=1, cap=True):
        lost = (await bank.kari.ask(CHOOSE_FOR_CONSENT, id=link, method="a"))["chooseConsentApprovalMethod"]
    face.drops_selections = False
    at_once = (await bank.kari.ask(CHOOSE_FOR_CONSENT, id=link, method="b"))["chooseConsentApprovalMethod"]
    told = face.select_calls
    await bank.pass_time(seconds=30)

    chosen = (await bank.kari.ask(CHOOSE_FOR_CONSENT, id=link, method="b"))["chooseConsentApprovalMethod"]
    shown = (await bank.kari.ask(LINK, id=link))["node"]
    await face.approve_consent(bank.odd.consents[-1])
    await bank.pass_time(seconds=2)

    assert asked["authorisation"]["kind"] == "CHOICE"
    assert waiting == {"status": "AWAITING_AUTHORISATION", "authorisation": TO_CHOOSE}
    assert [error["code"] for error in lost["userErrors"]] == ["PROVIDER_UNAVAILABLE"]
    # Told a moment ago: the bank is asked, and not told again.
    assert (at_once["authorisation"], at_once["bankLink"], told) == (None, waiting, 1)
    assert (chosen["authorisation"], chosen["userErrors"]) == (IN_THE_APP, [])
    assert shown["authorisation"] == IN_THE_APP
    assert face.chosen == ["b"]
    assert (await bank.link())["status"] == "ACTIVE"


@pytest.mark.parametrize("methods", [APPS, APPS[1:3]])
async def test_methods_may_be_offered_with_the_object_alone(bank: OddBank, methods: list[dict[str, str]]) -> None:
    face = offers(bank, methods)
    face.sca = face.consents_by = Sca.OFFERED_AT_ONCE
    asked = (await bank.kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
    consent = asked["authorisation"]["kind"]
    if consent == "CHOICE":
        await bank.kari.ask(CHOOSE_FOR_CONSENT, id=asked["bankLink"]["id"], method="b")
    await face.approve_consent(bank.odd.consents[-1])
    await bank.pass_time(seconds=2)
    face.selected = 0
    payment = await bank.pay()
    kind = payment["authorisation"]["kind"]
    if kind == "CHOICE":
        await choose(bank, payment, "b")
    await face.approve("obp-000001")
    await bank.pass_time(seconds=2)

    assert {consent, kind} == {"CHOICE" if methods is APPS else "DECOUPLED"}
    assert face.chosen == ["b", "b"]
    assert (await stands(bank, payment))[0] in ("PROCESSING", "SETTLED")


async def test_a_choice_is_made_for_a_cancellation(bank: OddBank) -> None:
    await bank.connect()
    payment = await bank.pay(executionDate=bank.day(back=-7))
    await bank.visit(payment["authorisationUrl"])
    face = offers(bank)

    await bank.kari.ask(CANCEL, id=payment["id"])
    waiting = (await bank.kari.ask(PAYMENT, id=payment["id"]))["node"]
    chosen, errors = await choose(bank, payment, "a")
    await face.approve_cancellation("obp-000001")
    await bank.pass_time(seconds=2)

    assert waiting["cancellation"] == {"status": "AUTHORISATION_REQUIRED", "authorisation": TO_CHOOSE}
    assert (chosen["cancellation"]["authorisation"], errors) == (IN_THE_APP, [])
    assert face.chosen == ["a"]
    assert (await stands(bank, payment))[0] == "CANCELLED"


async def test_a_lost_answer_is_read_and_nothing_is_sent_again(bank: OddBank) -> None:
    payment = await paying(bank)
    bank.face.loses_selections = True

    chosen, errors = await choose(bank, payment, "a")
    again = await choose(bank, payment, "a")

    assert (chosen["authorisation"], errors) == (IN_THE_APP, [])
    assert (again[1], bank.face.select_calls) == (["INVALID_STATE"], 1)


async def test_a_choice_that_the_bank_has_not_heard_of_is_sent_again_after_a_while(bank: OddBank) -> None:
    payment = await paying(bank)
    bank.face.drops_selections = True
    with stamina.set_testing(True, attempts=1, cap=True):
        lost = await choose(bank, payment, "a")
    bank.face.drops_selections = False
    at_once = await choose(bank, payment, "a")
    told = bank.face.select_calls
    await bank.pass_time(seconds=30)
    later = await choose(bank, payment, "b")

    assert lost == (None, ["PROVIDER_UNAVAILABLE"])
    assert (at_once[0]["authorisation"], at_once[1], told) == (TO_CHOOSE, [], 1)
    assert (later[0]["authorisation"], bank.face.chosen) == (IN_THE_APP, ["b"])


async def test_of_choices_at_once_the_bank_is_told_one(bank: OddBank) -> None:
    payment = await paying(bank)

    made = await asyncio.gather(*(choose(bank, payment, method) for method in ("a", "b", "a")))

    assert bank.face.select_calls == 1
    assert all(errors in ([], ["INVALID_STATE"]) for _, errors in made)
    assert (await stands(bank, payment))[1] == IN_THE_APP


async def test_a_method_that_the_bank_does_not_take_leaves_the_choice(bank: OddBank) -> None:
    payment = await paying(bank)
    bank.face.unknown_methods = {"a"}

    refused = await choose(bank, payment, "a")
    waiting = await stands(bank, payment)
    chosen, _ = await choose(bank, payment, "b")

    assert refused == (None, ["INVALID_STATE"])
    assert waiting == NOTHING_SENT
    assert chosen["authorisation"] == IN_THE_APP


async def test_what_was_not_offered_or_is_not_asked_for_is_refused(bank: OddBank) -> None:
    payment = await paying(bank)

    link = (await bank.link())["id"]
    asked = [(CHOOSE, payment["id"], "sms"), (CHOOSE, NOBODYS, "a"), (CHOOSE_FOR_CONSENT, link, "a")]
    found = [next(iter((await bank.kari.ask(query, id=of, method=method)).values())) for query, of, method in asked]

    assert [one["userErrors"] for one in found] == [
        [{"code": "NOT_FOUND", "field": ["input", "methodId"]}],
        [{"code": "NOT_FOUND", "field": ["input", "paymentId"]}],
        [{"code": "INVALID_STATE", "field": ["input", "bankLinkId"]}],
    ]
    assert bank.face.select_calls == 0


async def test_meanwhile_the_payment_can_be_cancelled_or_lapses(bank: OddBank) -> None:
    first = await paying(bank)
    second = await bank.pay(9_900)

    bank.face.deletes_with = 204
    cancelled = (await bank.kari.ask(CANCEL, id=first["id"]))["cancelPayment"]
    await bank.pass_time(minutes=40)

    assert cancelled["payment"]["status"] == "CANCELLED"
    assert (await stands(bank, second))[0] == "EXPIRED"
    assert (await choose(bank, second, "a"))[1] == ["INVALID_STATE"]
    assert (bank.face.select_calls, await bank.booked()) == (0, 0)


async def test_without_the_kyc_approval_nothing_is_chosen(bank: OddBank) -> None:
    payment = await paying(bank)
    bank.face.deletes_with = 405
    await bank.lose_kyc()

    assert (await choose(bank, payment, "a"))[1] in (["INVALID_STATE"], ["KYC_REQUIRED"])
    assert bank.face.select_calls == 0
