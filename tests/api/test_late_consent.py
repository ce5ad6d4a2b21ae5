"""What banks say of a consent besides the usual: it counts a moment late, or its status is a word of their own."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from starlette.responses import JSONResponse

from tests.builders.odd_banks import KINDS, odd_bank

LOST = {"tppMessages": [{"category": "ERROR", "code": "CONSENT_INVALID"}]}
REFUSED = {"open_payments": LOST, "direct": LOST, "enable_banking": {"error": "CLOSED_SESSION"}}


def _counted() -> float:
    return REGISTRY.get_sample_value("drop_unknown_statuses_total", {"of": "consent"}) or 0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_status_that_is_not_known_ends_no_consent(kind: str, database_url: str, tmp_path: Path) -> None:
    async with odd_bank(kind, database_url, tmp_path) as bank:
        await bank.connect()
        before = _counted()
        bank.odd.consent_word = "suspendedByAspsp"
        bank.odd.instead = {"balances": lambda request: JSONResponse(REFUSED[kind], 401)}
        told = await bank.refresh()
        link = await bank.link()
        counted = _counted() - before

        bank.odd.consent_word, bank.odd.instead = None, {}
        again = await bank.refresh()

    assert (told, link["status"], len(link["accounts"])) == (["PROVIDER_UNAVAILABLE"], "ACTIVE", 2)
    assert counted >= 1
    assert again == []


@pytest.mark.parametrize("kind", ["open_payments", "direct"])
async def test_a_status_that_is_not_known_is_asked_about_again(kind: str, database_url: str, tmp_path: Path) -> None:
    async with odd_bank(kind, database_url, tmp_path) as bank:
        bank.odd.consent_word = "suspendedByAspsp"
        await bank.connect()
        at_return = await bank.link()
        bank.odd.consent_word = None
        await bank.pass_time(seconds=10)
        link = await bank.link()

    assert at_return["status"] == "AWAITING_AUTHORISATION"
    assert (link["status"], len(link["accounts"])) == ("ACTIVE", 2)


async def test_a_consent_that_counts_late_is_asked_for_within_seconds(database_url: str, tmp_path: Path) -> None:
    async with odd_bank("open_payments", database_url, tmp_path) as bank:
        bank.face.late_reads = 3
        await bank.connect()
        at_return = await bank.link()
        for _ in range(5):
            await bank.pass_time(seconds=2)
        link = await bank.link()

    assert at_return["status"] != "ACTIVE"
    assert (link["status"], len(link["accounts"])) == ("ACTIVE", 2)
