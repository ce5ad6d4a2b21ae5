"""Payments that a bank accepts with an id and rejects in the same answer: a rejection with its reason, no outage."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from tests.builders.gateway import a_payment, first_account, pay
from tests.builders.odd_banks import KINDS, OddBank, odd_bank

_CODES = {
    "no money": ("FUNDS_NOT_AVAILABLE", "AM04", "INSUFFICIENT_FUNDS"),
    "a code without a text of its own": ("FORMAT_ERROR", "FF01", "REJECTED_BY_BANK"),
}


@pytest.fixture(params=KINDS)
async def bank(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        await bank.connect()
        yield bank


@pytest.mark.parametrize("why", _CODES)
async def test_an_accepted_payment_that_is_rejected_at_once_has_its_reason(bank: OddBank, why: str) -> None:
    of_the_standard, of_iso, failure = _CODES[why]
    code = of_iso if bank.kind == "enable_banking" else of_the_standard
    bank.odd_payments.rejects_with = code
    labels = {"bank": "bank_dnb", "code": code}
    before = REGISTRY.get_sample_value("drop_bank_refusals_total", labels) or 0

    payment = (await pay(bank.kari, a_payment(await first_account(bank.kari))))["payment"]
    bank.odd_payments.rejects_with = None
    again = (await pay(bank.kari, a_payment(await first_account(bank.kari))))["payment"]

    assert (payment["status"], payment["failure"], payment["inDoubt"]) == ("REJECTED", {"code": failure}, False)
    assert payment["authorisation"] is None
    assert REGISTRY.get_sample_value("drop_bank_refusals_total", labels) == before + 1
    assert again["status"] == "AUTHORISATION_REQUIRED"
