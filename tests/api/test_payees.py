"""Whom a user has paid, and whether an account number and a KID could be paid at all."""

from typing import Any

import pytest

from tests.builders.gateway import Play

PAYEES = """{ viewer { payees { name account lastPaymentAt
  lastPayment { amount { amountMinor } creditor { account } } } } }"""
CHECK = """query($input: CheckPayeeInput!) { checkPayee(input: $input) { account iban kid
  userErrors { code field message developerMessage } } }"""
PAYMENTS = [
    {"amountMinor": 10_000, "creditorName": "Ola"},
    {"amountMinor": 20_000, "creditorName": "Husleie", "creditorAccount": "15032080119"},
    {"amountMinor": 30_000, "creditorName": "Ola Hansen", "executionDate": "2026-12-01"},
    {"amountMinor": 40_000, "creditorName": "Ubetalt", "creditorAccount": "86011117947", "approved": False},
]


async def test_payees_are_those_of_the_newest_payments(play: Play) -> None:
    kari, stranger = play.browser(), play.browser()
    made = await kari.http.post("/api/mock/users", json={"banks": [{"id": "bank_dnb"}], "payments": PAYMENTS})
    assert made.status_code == 201, made.text
    await stranger.http.post("/api/mock/users", json={})

    payees = (await kari.ask(PAYEES))["viewer"]["payees"]

    assert [(payee["name"], payee["account"]) for payee in payees] == [
        ("Ola Hansen", "32010020009"),
        ("Husleie", "15032080119"),
    ]
    assert [payee["lastPayment"]["amount"]["amountMinor"] for payee in payees] == ["30000", "20000"]
    assert all(payee["lastPayment"]["creditor"]["account"] == payee["account"] for payee in payees)
    assert (await stranger.ask(PAYEES))["viewer"]["payees"] == []


@pytest.mark.parametrize(
    ("given", "found", "wrong"),
    [
        ({"creditorAccount": "8601.11.17947"}, ("86011117947", None), []),
        ({"creditorAccount": "NO93 8601 1117 947", "kid": "1234567897"}, ("86011117947", "1234567897"), []),
        ({"creditorAccount": "86011117948"}, (None, None), [("INVALID_ACCOUNT_NUMBER", "creditorAccount")]),
        ({"creditorAccount": "DE89370400440532013000"}, (None, None), [("INVALID_ACCOUNT_NUMBER", "creditorAccount")]),
        ({"creditorAccount": "86011117947", "kid": "1234567890"}, ("86011117947", None), [("INVALID_KID", "kid")]),
        (
            {"creditorAccount": "", "kid": ""},
            (None, None),
            [("INVALID_ACCOUNT_NUMBER", "creditorAccount"), ("INVALID_KID", "kid")],
        ),
    ],
)
async def test_an_account_and_a_kid_are_checked_before_they_are_sent(
    play: Play, given: dict[str, Any], found: tuple[str | None, str | None], wrong: list[tuple[str, str]]
) -> None:
    checked = (await play.browser().ask(CHECK, input=given))["checkPayee"]

    assert (checked["account"], checked["kid"]) == found
    assert (checked["iban"] is None) == (found[0] is None)
    assert [(error["code"], error["field"]) for error in checked["userErrors"]] == [
        (code, ["input", field]) for code, field in wrong
    ]
    assert all(error["message"] for error in checked["userErrors"])
