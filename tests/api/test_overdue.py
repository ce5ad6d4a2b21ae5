"""A payment whose bank tells no end: its statement is read, and without news its user and operators hear of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.responses import Response

from domain.ids import BankId
from providers.open_banking import bank_profiles
from tests.builders.gateway import nodes, payment_of
from tests.builders.odd_banks import KINDS, OddBank, odd_bank

DISCONNECT = "mutation($id: ID!) { disconnectBank(input: {bankLinkId: $id}) { userErrors { code } } }"
OVERDUE = "query($id: ID!) { node(id: $id) { ... on Payment { overdueSince version } } }"
NO_NEWS = "Payment without news"
# Far enough for any weekend and holiday: a banking day more, and three.
A_WEEK = 7 * 24


@pytest.fixture(params=KINDS)
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        bank.odd.gives_ids = True
        await bank.connect()
        yield bank


async def approved(bank: OddBank, last: str = "ACSP") -> dict[str, Any]:
    """A payment at a bank that stops at this status."""
    bank.odd_payments.last = last
    # As if more reports came: Enable Banking can say that none will.
    bank.odd_payments.is_final = False
    payment = await bank.pay()
    await bank.visit(payment["authorisationUrl"])
    await bank.pass_time(minutes=5)
    return payment


async def wait(bank: OddBank, hours: int, step: int = 12) -> None:
    for _ in range(0, hours, step):
        await bank.pass_time(hours=step)


async def stands(bank: OddBank, payment: dict[str, Any]) -> tuple[str, str, str]:
    found = await payment_of(bank.kari, payment["id"])
    last = nodes(found["history"])[-1]
    return found["status"], last["kind"], last["cause"]


async def worklist(bank: OddBank) -> list[dict[str, Any]]:
    found = (await bank.play.browser().http.get("/api/operator/payments/doubts")).json()["payments"]
    return list(found)


async def messages(bank: OddBank, template: str) -> int:
    query = text("SELECT count(*) FROM notification WHERE template = :template")
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        return int((await connection.execute(query, {"template": template})).scalar_one())


@pytest.mark.parametrize("last", ["ACSP", "ACTC"])
async def test_a_payment_whose_bank_stops_early_is_settled_by_a_reading_of_our_own(
    bank: OddBank, alerts: list[str], last: str
) -> None:
    payment = await approved(bank, last)
    before = await stands(bank, payment)

    await wait(bank, A_WEEK)

    assert before[0] == "PROCESSING"
    assert await stands(bank, payment) == ("SETTLED", "STATUS", "STATEMENT")
    assert NO_NEWS not in alerts
    assert await messages(bank, "payment_overdue") == 0


async def test_where_the_profile_says_so_the_statement_is_read_on_the_very_day(
    bank: OddBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = bank_profiles.by_id(BankId("bank_dnb"))
    early = replace(ours, last_status="ACSP")
    monkeypatch.setattr(bank_profiles, "_BY_ID", {early.id: early})
    payment = await approved(bank)

    while bank.sandbox.clock.at.weekday() > 4:
        await bank.pass_time(hours=6)
    await wait(bank, 24)

    assert await stands(bank, payment) == ("SETTLED", "STATUS", "STATEMENT")


async def test_while_it_waits_its_account_is_read_once_a_day(bank: OddBank, alerts: list[str]) -> None:
    bank.odd.gives_ids = False
    payment = await approved(bank)
    await wait(bank, A_WEEK)
    bank.odd.asked.clear()

    await wait(bank, 48, step=6)

    accounts = len((await bank.link())["accounts"])
    firsts = [query for query in bank.odd.asked if not query.get("page") and not query.get("continuation_key")]
    assert len(firsts) == 2 * accounts
    assert (await stands(bank, payment))[0] == "PROCESSING"


async def test_without_news_its_user_and_operators_hear_once(bank: OddBank, alerts: list[str]) -> None:
    bank.odd.gives_ids = False
    payment = await approved(bank)
    before = (await bank.kari.ask(OVERDUE, id=payment["id"]))["node"]

    await wait(bank, A_WEEK + 48)

    after = (await bank.kari.ask(OVERDUE, id=payment["id"]))["node"]
    assert await stands(bank, payment) == ("PROCESSING", "OVERDUE", "NO_ANSWER")
    assert (before["overdueSince"], after["overdueSince"] is None) == (None, False)
    assert after["version"] == before["version"] + 1
    assert alerts.count(NO_NEWS) == 1
    assert await messages(bank, "payment_overdue") == 1
    (listed,) = await worklist(bank)
    assert (listed["id"], listed["hasConsent"]) == (payment["id"], True)
    assert listed["overdueSince"][:19] == after["overdueSince"][:19]


async def test_without_a_consent_an_overdue_payment_is_the_operators(bank: OddBank, alerts: list[str]) -> None:
    payment = await approved(bank)
    await bank.kari.ask(DISCONNECT, id=(await bank.link())["id"])

    await wait(bank, A_WEEK)

    assert await stands(bank, payment) == ("PROCESSING", "OVERDUE", "NO_ANSWER")
    assert [(one["id"], one["hasConsent"]) for one in await worklist(bank)] == [(payment["id"], False)]
    said = {"outcome": "SETTLED", "reason": "DNB, case 4711: booked"}
    done = await bank.play.browser().http.post(f"/api/operator/payments/{payment['id']}/resolve", data=said)
    assert done.json()["status"] == "SETTLED"
    assert await worklist(bank) == []


async def test_a_payment_that_was_approved_and_cannot_be_read_again_is_told(bank: OddBank, alerts: list[str]) -> None:
    payment = await bank.pay()
    bank.odd_payments.instead["read"] = lambda request: Response(status_code=503)
    await bank.visit(payment["authorisationUrl"])

    await wait(bank, A_WEEK)

    assert await stands(bank, payment) == ("AUTHORISATION_REQUIRED", "OVERDUE", "NO_ANSWER")
    assert alerts.count(NO_NEWS) == 1
    assert await messages(bank, "payment_overdue") == 1
    assert [one["id"] for one in await worklist(bank)] == [payment["id"]]
    said = {"outcome": "SETTLED", "reason": "DNB, case 4711: booked"}
    done = await bank.play.browser().http.post(f"/api/operator/payments/{payment['id']}/resolve", data=said)
    assert done.json()["status"] == "SETTLED"


async def test_a_payment_that_its_bank_still_has_approved_is_nobodys_concern(bank: OddBank, alerts: list[str]) -> None:
    bank.odd_payments.word = "RCVD"
    payment = await bank.pay()

    await wait(bank, A_WEEK)

    assert (await stands(bank, payment))[0] in ("AUTHORISATION_REQUIRED", "EXPIRED")
    assert NO_NEWS not in alerts


async def test_a_bank_that_is_away_for_days_gives_no_news_either(bank: OddBank, alerts: list[str]) -> None:
    payment = await approved(bank)
    bank.odd_payments.instead["read"] = lambda request: Response(status_code=503)

    await wait(bank, A_WEEK)

    assert await stands(bank, payment) == ("PROCESSING", "OVERDUE", "NO_ANSWER")
    assert alerts.count(NO_NEWS) == 1
