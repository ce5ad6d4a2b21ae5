"""What a bank warns of when it takes a consent or a payment reaches the user, before they approve."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders.gateway import PAY, a_payment, first_account
from tests.builders.odd_banks import OddBank, odd_bank

CONNECT = """mutation { connectBank(input: {bankId: "bank_dnb"}) { authorisationUrl warnings { code message }
  userErrors { code } } }"""
FLAGGED = {"category": "WARNING", "code": "CREDITOR_ACCOUNT_FLAGGED", "text": "Listed by the payee's bank"}
OTHER = {"category": "WARNING", "code": "WARNING", "text": "  Betalingen\u00a0kan ta\n tid "}


@pytest.fixture(params=["open_payments", "direct"])
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        yield bank


async def pay(bank: OddBank) -> dict[str, Any]:
    given = a_payment(await first_account(bank.kari))
    payload: dict[str, Any] = (await bank.kari.ask(PAY, input=given))["initiatePayment"]
    return payload


async def test_a_warning_beside_a_payment_is_told_in_words_and_moves_nothing(bank: OddBank) -> None:
    await bank.connect()
    bank.odd.warns = [FLAGGED, OTHER, FLAGGED, {**OTHER, "code": "BENEFICIARY_WHITELISTING_REQUIRED"}]

    payload = await pay(bank)

    assert payload["payment"]["status"] == "AUTHORISATION_REQUIRED"
    assert [(one["code"], one["message"]) for one in payload["warnings"]] == [
        (
            "CREDITOR_ACCOUNT_FLAGGED",
            "Banken advarer: Mottakerens konto står på en liste over kontoer som er brukt til svindel. "
            "Sjekk mottakeren før du godkjenner.",
        ),
        ("BANK_SAYS", "Banken skriver: «Betalingen kan ta tid»."),
        ("CREDITOR_TO_BE_TRUSTED", "Banken vil at du først godkjenner mottakeren i nettbanken."),
    ]


@pytest.mark.parametrize(
    "odd",
    [
        [None, 7, "WARNING", {}],
        [{"category": "WARNING", "code": None, "text": 5}],
        [{"category": "WARNING", "code": "WARNING", "text": "a\u202eb"}],
        [{"category": "ERROR", "code": "CREDITOR_ACCOUNT_FLAGGED", "text": "No."}],
    ],
)
async def test_what_is_no_warning_is_left_out_and_costs_nothing(bank: OddBank, odd: list[Any]) -> None:
    await bank.connect()
    bank.odd.warns = odd

    payload = await pay(bank)

    assert payload["payment"]["status"] == "AUTHORISATION_REQUIRED"
    assert payload["warnings"] == []


async def test_a_warning_beside_a_consent_is_told(bank: OddBank) -> None:
    bank.odd.warns = [{"category": "WARNING", "code": "BANKID_NOT_ACTIVATED", "text": "x"}, OTHER]

    payload = (await bank.kari.ask(CONNECT))["connectBank"]

    assert payload["authorisationUrl"] is not None
    assert [one["code"] for one in payload["warnings"]] == ["BANKID_NOT_ACTIVATED", "BANK_SAYS"]
