"""What banks say of payments besides the usual: at every kind of bank, through its page and back; the ledger judges."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from tests.builders.gateway import nodes, payment_of
from tests.builders.odd_banks import KINDS, OddBank, odd_bank

UNKNOWN = "drop_unknown_statuses_total"


@pytest.fixture(params=KINDS)
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        await bank.connect()
        yield bank


def _counted() -> float:
    return REGISTRY.get_sample_value(UNKNOWN, {"of": "bank payment"}) or 0


async def test_a_status_that_is_not_known_moves_nothing_and_is_counted(bank: OddBank) -> None:
    payment = await bank.pay()
    before = _counted()
    bank.odd_payments.word = "QQQQ"
    bank.odd_payments.is_final = False
    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(minutes=10)
    waiting = await payment_of(bank.kari, payment["id"])
    counted = _counted() - before

    bank.odd_payments.word = bank.odd_payments.is_final = None
    await bank.pass_time(hours=2)
    ended = await payment_of(bank.kari, payment["id"])

    assert (waiting["status"], waiting["version"]) == ("AUTHORISATION_REQUIRED", payment["version"])
    assert counted >= 2
    assert (ended["status"], await bank.booked()) == ("SETTLED", 1)


@pytest.mark.parametrize("word", ["RCVD", "PDNG", "ACTC", "ACSP", "QQQQ"])
@pytest.mark.parametrize("bank", ["enable_banking"], indirect=True)
async def test_after_the_last_report_a_payment_is_under_way_and_has_not_failed(bank: OddBank, word: str) -> None:
    payment = await bank.pay()
    bank.odd_payments.word, bank.odd_payments.is_final = word, True

    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(hours=30)
    waiting = await payment_of(bank.kari, payment["id"])

    assert (waiting["status"], waiting["failure"]) == ("PROCESSING", None)
    assert [event["status"] for event in nodes(waiting["history"])][-1] == "PROCESSING"


@pytest.mark.parametrize(("word", "status"), [("RJCT", "REJECTED"), ("CNCL", "CANCELLED")])
@pytest.mark.parametrize("bank", ["enable_banking"], indirect=True)
async def test_the_vendors_word_for_the_end_ends_a_payment(bank: OddBank, word: str, status: str) -> None:
    payment = await bank.pay()
    bank.odd_payments.word = word

    await bank.pass_time(minutes=5)

    assert (await payment_of(bank.kari, payment["id"]))["status"] == status
