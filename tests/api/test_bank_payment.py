"""Bank payments from the wish to pay to the booking at the bank."""

import asyncio
from typing import Any

import pytest
import stamina
from anyio import fail_after

from services.payments import payment_warnings
from tests.builders.gateway import CONNECT, OLA, PAY, Play, Player, a_payment, nodes, pay, payment_of, query_of
from tests.builders.line import Line

IBAN_OF_OLA = "NO6032010020009"
CANCEL = """mutation($id: ID!) { cancelPayment(input: {id: $id}) {
  payment { status cancellation { status authorisationUrl } } userErrors { code } } }"""


async def test_an_approved_payment_settles_and_the_history_says_why(play: Play) -> None:
    kari, account = await play.banked()

    payment = (await pay(kari, a_payment(account, amount_minor=12_345)))["payment"]
    assert payment["status"] == "AUTHORISATION_REQUIRED"
    back = await kari.press(payment["authorisationUrl"], "approve")
    await play.advance(seconds=1)

    assert query_of(str(back.url)) == {"payment": payment["id"], "outcome": "approved"}
    settled = await payment_of(kari, payment["id"])
    assert settled["status"] == "SETTLED"
    assert [event["status"] for event in nodes(settled["history"])] == [
        "CREATED",
        "AUTHORISATION_REQUIRED",
        "PROCESSING",
        "SETTLED",
    ]
    history = nodes(settled["history"])
    assert [event["version"] for event in history] == [1, 2, 3, 4]
    assert [event["cause"] for event in history] == [
        "USER",
        "VENDOR_REPLY",
        "USER_RETURNED",
        "WEBHOOK",
    ]
    assert {event["kind"] for event in history} == {"STATUS"}
    booked = {b["type"]: b["amount"]["amountMinor"] for b in settled["debtorAccount"]["balances"]}
    assert booked == {"BOOKED": str(4_825_050 - 12_345), "AVAILABLE": str(4_825_050 - 12_345)}
    assert [booking["amount"] for booking in await play.ledger()] == [12_345]


async def test_a_refused_payment_is_rejected_and_no_money_moves(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]

    back = await kari.press(payment["authorisationUrl"], "refuse")
    await play.settle()

    assert query_of(str(back.url))["outcome"] == "refused"
    ended = await payment_of(kari, payment["id"])
    assert (ended["status"], ended["failure"]["code"]) == ("REJECTED", "AUTHORISATION_REFUSED")
    assert await play.ledger() == []


async def test_without_funds_the_bank_rejects_and_the_user_was_warned(play: Play) -> None:
    lars, account = await play.banked("lars")
    payload = await pay(lars, a_payment(account, amount_minor=5_000))
    assert payload["warnings"] == [
        {"code": "BALANCE_TOO_LOW", "message": "Kontoen har 12,50\u00a0kr tilgjengelig, mindre enn betalingen."}
    ]

    await lars.press(payload["payment"]["authorisationUrl"], "approve")
    await play.settle()

    ended = await payment_of(lars, payload["payment"]["id"])
    assert (ended["status"], ended["failure"]["code"]) == ("REJECTED", "INSUFFICIENT_FUNDS")
    assert await play.ledger() == []


async def test_a_page_that_nobody_uses_expires(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]

    await play.advance(minutes=15)

    ended = await payment_of(kari, payment["id"])
    assert (ended["status"], ended["failure"]["code"]) == ("EXPIRED", "AUTHORISATION_EXPIRED")
    assert ended["authorisationUrl"] is None
    late = await kari.http.post(payment["authorisationUrl"], data={"decision": "approve"})
    assert late.status_code == 409


async def test_a_payment_that_the_bank_cannot_carry_out_fails(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]

    await kari.press(payment["authorisationUrl"], "approve", execution="fails")
    await play.advance(seconds=1)

    ended = await payment_of(kari, payment["id"])
    assert (ended["status"], ended["failure"]["code"]) == ("FAILED", "EXECUTION_FAILED")
    assert [event["status"] for event in nodes(ended["history"])][-2:] == ["PROCESSING", "FAILED"]
    assert await play.ledger() == []


async def test_a_payment_is_cancelled_before_it_is_approved(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]

    cancelled = (await kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]

    assert cancelled == {"payment": {"status": "CANCELLED", "cancellation": None}, "userErrors": []}
    assert (await kari.http.post(payment["authorisationUrl"], data={"decision": "approve"})).status_code == 409
    again = (await kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]
    assert [error["code"] for error in again["userErrors"]] == ["INVALID_STATE"]


async def test_it_is_too_late_to_cancel_what_the_bank_carries_out(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")

    late = (await kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]
    await play.advance(seconds=1)

    assert [error["code"] for error in late["userErrors"]] == ["INVALID_STATE"]
    assert (await payment_of(kari, payment["id"]))["status"] == "SETTLED"


async def test_the_same_key_gives_the_same_payment(play: Play) -> None:
    kari, account = await play.banked()
    given = a_payment(account)

    first, second = await pay(kari, given), await pay(kari, given)
    await kari.press(first["payment"]["authorisationUrl"], "approve")
    await play.advance(seconds=1)
    third = await pay(kari, given)

    assert first["payment"]["id"] == second["payment"]["id"] == third["payment"]["id"]
    assert third["payment"]["status"] == "SETTLED"
    assert len(await play.ledger()) == 1


async def test_a_request_that_is_repeated_after_midnight_gives_the_same_payment(play: Play) -> None:
    kari, account = await play.banked()
    given = a_payment(account, executionDate="2026-11-24", creditorName="Åse Dahl")

    first = await pay(kari, given)
    await play.advance(hours=12)
    again = await pay(kari, {**given, "creditorName": "A\u030ase Dahl"})
    anew = await pay(kari, a_payment(account, executionDate="2026-11-24"))

    assert first["payment"]["id"] == again["payment"]["id"]
    assert [error["code"] for error in anew["userErrors"]] == ["INVALID_DATE"]


async def test_the_same_key_at_the_same_moment_makes_one_payment(play: Play) -> None:
    kari, account = await play.banked()
    given = a_payment(account)

    payloads = await asyncio.gather(*(pay(kari, given) for _ in range(10)))

    assert len({payload["payment"]["id"] for payload in payloads}) == 1
    assert (await play.gateway.sandbox.get("/bank/payments/obp-000002")).status_code == 404


@pytest.mark.parametrize("day", ["2026-W49-1", "20261201", "2026-335", "2026-02-30"])
async def test_a_date_in_another_form_is_refused_with_the_one_to_send(play: Play, day: str) -> None:
    kari, account = await play.banked()

    [error] = (await kari.post(PAY, input=a_payment(account, executionDate=day))).json()["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert ".executionDate" in error["message"]
    assert "YYYY-MM-DD, such as 2026-11-27" in error["message"]


@pytest.mark.parametrize("change", [{"creditorName": "Kari"}, {"message": "Annet"}, {"executionDate": "2026-12-24"}])
async def test_the_same_key_with_other_input_is_refused(play: Play, change: dict[str, str]) -> None:
    kari, account = await play.banked()
    given = a_payment(account)
    await pay(kari, given)

    payload = await pay(kari, {**given, **change})

    assert payload["payment"] is None
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
        ("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])
    ]


async def test_somebody_elses_key_is_another_key(play: Play) -> None:
    kari, karis = await play.banked()
    silje, siljes = await play.banked("silje")
    given = a_payment(karis)

    one, other = await pay(kari, given), await pay(silje, {**given, "debtorAccountId": siljes})

    assert one["payment"]["id"] != other["payment"]["id"]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"amount": {"amountMinor": "0", "currency": "NOK"}}, "INVALID_AMOUNT", ["input", "amount", "amountMinor"]),
        ({"amount": {"amountMinor": "-1", "currency": "NOK"}}, "INVALID_AMOUNT", ["input", "amount", "amountMinor"]),
        (
            {"amount": {"amountMinor": "100000001", "currency": "NOK"}},
            "INVALID_AMOUNT",
            ["input", "amount", "amountMinor"],
        ),
        ({"amount": {"amountMinor": "1", "currency": "SEK"}}, "UNSUPPORTED_CURRENCY", ["input", "amount", "currency"]),
        ({"creditorAccount": "32010020008"}, "INVALID_ACCOUNT_NUMBER", ["input", "creditorAccount"]),
        ({"creditorAccount": "NO1132010020009"}, "INVALID_ACCOUNT_NUMBER", ["input", "creditorAccount"]),
        ({"creditorAccount": "DE89370400440532013000"}, "INVALID_ACCOUNT_NUMBER", ["input", "creditorAccount"]),
        ({"creditorAccount": "12030010009"}, "INVALID_ACCOUNT_NUMBER", ["input", "creditorAccount"]),
        ({"creditorName": "  "}, "INVALID_TEXT", ["input", "creditorName"]),
        ({"creditorName": "x" * 71}, "INVALID_TEXT", ["input", "creditorName"]),
        ({"message": "x" * 141}, "INVALID_TEXT", ["input", "message"]),
        ({"message": None, "kid": "12345678900"}, "INVALID_KID", ["input", "kid"]),
        ({"kid": "18"}, "INVALID_KID", ["input", "kid"]),
        ({"executionDate": "2026-11-23"}, "INVALID_DATE", ["input", "executionDate"]),
        ({"executionDate": "2028-01-01"}, "INVALID_DATE", ["input", "executionDate"]),
        ({"idempotencyKey": " " * 12}, "INVALID_IDEMPOTENCY_KEY", ["input", "idempotencyKey"]),
        ({"idempotencyKey": "short"}, "INVALID_IDEMPOTENCY_KEY", ["input", "idempotencyKey"]),
        ({"idempotencyKey": "nøkkel-med-ø"}, "INVALID_IDEMPOTENCY_KEY", ["input", "idempotencyKey"]),
        ({"debtorAccountId": "acc_unknown"}, "NOT_FOUND", ["input", "debtorAccountId"]),
        ({"returnTo": "//evil.example"}, "INVALID_RETURN_TO", ["input", "returnTo"]),
    ],
)
async def test_a_bad_input_names_its_field_and_starts_nothing(
    play: Play, change: dict[str, Any], code: str, field: list[str]
) -> None:
    kari, account = await play.banked()

    payload = await pay(kari, a_payment(account, **change))

    assert payload["payment"] is None
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [(code, field)]
    assert (await kari.ask("{ viewer { payments { edges { node { id } } } } }"))["viewer"]["payments"]["edges"] == []


async def test_all_faults_of_an_input_come_at_once(play: Play) -> None:
    kari, account = await play.banked()
    bad: dict[str, Any] = {
        "amount": {"amountMinor": "0", "currency": "EUR"},
        "creditorAccount": "1",
        "kid": "1",
        "creditorName": "",
    }

    payload = await pay(kari, a_payment(account, **bad))

    assert {error["code"] for error in payload["userErrors"]} == {
        "INVALID_AMOUNT",
        "UNSUPPORTED_CURRENCY",
        "INVALID_ACCOUNT_NUMBER",
        "INVALID_KID",
        "INVALID_TEXT",
    }


@pytest.mark.parametrize(
    "amount",
    [
        {"amountMinor": "1.5", "currency": "NOK"},
        {"amountMinor": "9" * 30, "currency": "NOK"},
        {"amountMinor": True, "currency": "NOK"},
        {"amountMinor": "1", "currency": "nok"},
        {"amountMinor": "١", "currency": "NOK"},
        {"amountMinor": "1"},
    ],
)
async def test_what_does_not_fit_the_schema_is_a_top_level_error(play: Play, amount: dict[str, object]) -> None:
    kari, account = await play.banked()

    assert await kari.error_code(PAY, input=a_payment(account, amount=amount)) == "BAD_USER_INPUT"


async def test_a_kid_and_an_iban_reach_the_bank(play: Play) -> None:
    kari, account = await play.banked()
    payload = await pay(kari, a_payment(account, message=None, kid="12345678903", creditorAccount=IBAN_OF_OLA))
    assert payload["userErrors"] == []

    await kari.press(payload["payment"]["authorisationUrl"], "approve")
    await play.advance(seconds=1)

    (booking,) = await play.ledger()
    assert (booking["kid"], booking["creditor"], booking["message"]) == ("12345678903", OLA, None)


async def test_an_account_that_no_consent_covers_cannot_pay(play: Play) -> None:
    kari, account = await play.banked()
    await play.advance(days=181)

    payload = await pay(kari, a_payment(account))

    assert [error["code"] for error in payload["userErrors"]] == ["CONSENT_REQUIRED"]


async def test_somebody_elses_account_and_payment_are_not_found(play: Play) -> None:
    kari, account = await play.banked()
    silje, _ = await play.banked("silje")
    payment = (await pay(kari, a_payment(account)))["payment"]

    assert [error["code"] for error in (await pay(silje, a_payment(account)))["userErrors"]] == ["NOT_FOUND"]
    assert (await silje.ask(CANCEL, id=payment["id"]))["cancelPayment"]["userErrors"][0]["code"] == "NOT_FOUND"
    assert await payment_of(silje, payment["id"]) is None


async def test_signed_out_nobody_pays(play: Play) -> None:
    response = (await play.browser().post(PAY, input=a_payment("acc_1"))).json()

    assert response["data"] == {"initiatePayment": None}
    assert response["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_bank_that_hangs_holds_no_payment_up_and_is_left_alone_in_the_end(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payment_warnings, "_BALANCE_WITHIN_S", 0.05)
    kari, account = await play.banked()
    await play.settle()
    line = Line(play.gateway.sandbox)
    line.is_silent_to(b'"bank_dnb"')
    for _ in range(3):
        await kari.ask(CONNECT, bank="bank_dnb")
    line.holds(b"/balances")

    with stamina.set_testing(True, attempts=1):
        payment = (await pay(kari, a_payment(account)))["payment"]
        before = await banks_away(kari)
        line.let_go()
        with fail_after(10):
            while not (after := await banks_away(kari)):
                pass

    assert payment["inDoubt"]
    assert (before, after) == ([], ["bank_dnb"])


async def banks_away(player: Player) -> list[str]:
    providers = (await player.ask("{ serviceStatus { providers { port banksAway } } }"))["serviceStatus"]["providers"]
    found: list[str] = {one["port"]: one["banksAway"] for one in providers}["OPEN_BANKING"]
    return found
