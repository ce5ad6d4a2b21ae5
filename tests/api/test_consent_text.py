"""What a user consents to at a bank is shown to them, and only what it names is done with their statements."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders.gateway import CONNECT, Play, nodes, payment_of
from tests.builders.odd_banks import OddBank, odd_bank

SHOWN = "{ bankConsentText { version text } viewer { bankLinks { edges { node { consentText { version text } } } } } }"
ASKED = """mutation($bank: ID!) { connectBank(input: {bankId: $bank}) {
  consentText { version text } userErrors { code } } }"""
LEAVE = "mutation { deleteAccount(input: {confirm: true}) { userErrors { code } } }"
A_WEEK = 7 * 24


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank("direct", database_url, tmp_path) as bank:
        bank.odd.gives_ids = True
        await bank.connect()
        yield bank


async def as_before_the_text(bank: OddBank) -> None:
    """The consents that there are were asked for by a release that showed no text."""
    async with bank.play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE consent SET text_version = 0"))


async def link_text(bank: OddBank) -> Any:
    (link,) = nodes((await bank.kari.ask(SHOWN))["viewer"]["bankLinks"])
    return link["consentText"]


async def waits(bank: OddBank) -> list[tuple[str, bool]]:
    found = (await bank.play.browser().http.get("/api/operator/payments/doubts")).json()["payments"]
    return [(one["waitsFor"], one["hasConsent"]) for one in found]


async def stands(bank: OddBank, payment: dict[str, Any]) -> tuple[str, str]:
    found = await payment_of(bank.kari, payment["id"])
    return found["status"], nodes(found["history"])[-1]["cause"]


async def test_the_text_is_shown_before_in_the_payload_and_on_the_bank_link(play: Play) -> None:
    kari = await play.person()

    before = (await kari.ask(SHOWN))["bankConsentText"]
    asked = (await kari.ask(ASKED, bank="bank_dnb"))["connectBank"]
    awaited = nodes((await kari.ask(SHOWN))["viewer"]["bankLinks"])
    page = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]["authorisationUrl"]
    await kari.press(page, "approve")
    given = nodes((await kari.ask(SHOWN))["viewer"]["bankLinks"])

    assert before["version"] == 1
    assert "betalingene du gjør med Drop" in before["text"]
    assert asked == {"consentText": before, "userErrors": []}
    assert (awaited, given) == ([{"consentText": None}], [{"consentText": before}])
    english = await kari.http.post("/graphql", json={"query": SHOWN}, headers={"accept-language": "en"})
    assert "the payments that you make with Drop" in english.json()["data"]["bankConsentText"]["text"]


async def test_what_is_refused_has_no_text(play: Play) -> None:
    kari = await play.person()

    asked = (await kari.ask(ASKED, bank="bank_unknown"))["connectBank"]

    assert asked == {"consentText": None, "userErrors": [{"code": "NOT_FOUND"}]}


async def test_an_older_consent_ends_no_doubt_until_it_is_renewed(bank: OddBank) -> None:
    earlier = await bank.pay(9_900)
    await bank.visit(earlier["authorisationUrl"])
    await bank.pass_time(minutes=5)
    await bank.refresh()
    await as_before_the_text(bank)
    bank.face.loses_answers = True
    payment = await bank.pay()
    bank.face.loses_answers = False
    reads = await bank.unattended_reads()

    await bank.pass_time(days=6)
    # The user looks at the account: what is read for them is no evidence of absence either.
    assert await bank.refresh() == []
    await bank.pass_time(hours=12)
    old = (await stands(bank, payment), await waits(bank), await link_text(bank), await bank.unattended_reads())
    await bank.renew()
    await bank.pass_time(days=1)

    assert old == (("CREATED", "NO_ANSWER"), [("CONSENT_TEXT", False)], None, reads)
    assert (await link_text(bank))["version"] == 1
    assert await stands(bank, payment) == ("FAILED", "INFERRED")
    assert await waits(bank) == []


async def test_by_an_older_consent_no_statement_is_read_for_a_payment_without_an_end(bank: OddBank) -> None:
    bank.odd_payments.last = "ACSP"
    payment = await bank.pay()
    await bank.visit(payment["authorisationUrl"])
    await as_before_the_text(bank)
    reads = await bank.unattended_reads()

    for _ in range(0, A_WEEK, 12):
        await bank.pass_time(hours=12)
    waiting = (await stands(bank, payment), await waits(bank), await bank.unattended_reads())
    assert await bank.refresh() == []
    await bank.play.settle()

    assert waiting == (("PROCESSING", "NO_ANSWER"), [("CONSENT_TEXT", False)], reads)
    # Each stored line is held against its payment, for whatever it was read.
    assert await stands(bank, payment) == ("SETTLED", "STATEMENT")


async def test_by_an_older_consent_all_else_is_read_as_before(bank: OddBank) -> None:
    await as_before_the_text(bank)
    reads = await bank.unattended_reads()
    payment = await bank.pay()
    await bank.visit(payment["authorisationUrl"])

    await bank.pass_time(minutes=5)

    # A payment that the bank has settled shows in its account's balance.
    assert (await stands(bank, payment))[0] == "SETTLED"
    assert await bank.unattended_reads() == reads + 1
    assert await bank.refresh() == []


async def test_an_end_that_was_inferred_and_cannot_be_watched_is_the_operators(bank: OddBank) -> None:
    payment, other = await bank.pay(), await bank.pay(9_900)
    await bank.pass_time(minutes=5)
    await as_before_the_text(bank)
    bank.odd_payments.gone = (403, "RESOURCE_EXPIRED")
    await bank.pass_time(hours=3)

    listed = await waits(bank)
    for payment_id, outcome in ((payment["id"], "SETTLED"), (other["id"], "FAILED")):
        path = f"/api/operator/payments/{payment_id}/resolve"
        done = await bank.play.browser().http.post(path, data={"outcome": outcome, "reason": "DNB, case 4711"})
        assert done.status_code == 200

    assert listed == [("CONSENT_TEXT", False)] * 2
    assert await stands(bank, payment) == ("SETTLED", "VENDOR_CORRECTION")
    assert await stands(bank, other) == ("EXPIRED", "OPERATOR")
    assert await waits(bank) == []


async def test_an_end_that_was_inferred_and_is_watched_is_not_on_the_list(bank: OddBank) -> None:
    payment = await bank.pay()
    await bank.pass_time(minutes=5)
    bank.odd_payments.gone = (403, "RESOURCE_EXPIRED")

    await bank.pass_time(hours=3)

    assert await stands(bank, payment) == ("EXPIRED", "INFERRED")
    assert await waits(bank) == []
    # Whose account is gone cannot be watched any more.
    assert (await bank.kari.ask(LEAVE))["deleteAccount"]["userErrors"] == []
    assert await waits(bank) == [("CONSENT", False)]
