"""One odd account, balance or line costs itself alone, at every kind of bank."""

import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import stamina
from prometheus_client import generate_latest
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from structlog.testing import capture_logs

from sandbox.people import personas
from tests.builders.odd_banks import KINDS, OddBank, odd_bank


@pytest.fixture(params=KINDS)
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        yield bank


# What stands in the place of a line, and whether it can be read all the same.
LINES: dict[str, tuple[dict[str, Any], bool]] = {
    "three decimals": ({"amount": "-12.345"}, False),
    "three decimals that say nothing": ({"amount": "-12.340"}, True),
    "a comma": ({"amount": "1000,00"}, False),
    "an empty amount": ({"amount": ""}, False),
    "infinity": ({"amount": "Infinity"}, False),
    "beyond 64 bits": ({"amount": "99999999999999999999"}, False),
    "a huge exponent": ({"amount": "1e999999999"}, False),
    "no amount": ({"transactionAmount": None}, False),
    "no currency": ({"transactionAmount": {"currency": None, "amount": "-1.00"}}, False),
    "null": ({"item": None}, False),
    "a number": ({"item": 7}, False),
    "no date, pending": ({"status": "pending", "bookingDate": None}, True),
    "no date, booked": ({"bookingDate": None}, True),
    "a date-time": ({"bookingDate": "2026-06-01T22:30:00Z"}, True),
    "no date at all": ({"bookingDate": "yesterday"}, False),
    "NUL in a text": ({"remittanceInformationUnstructured": "a\0b"}, True),
    "a text that is none": ({"remittanceInformationUnstructured": {"a": 1}}, True),
    "a long id": ({"transactionId": "x" * 4_000, "entryReference": "y" * 4_000}, True),
    "a long end-to-end id": ({"endToEndId": "z" * 4_000}, True),
}


async def test_an_odd_line_costs_that_line_alone_and_is_counted(bank: OddBank) -> None:
    first = bank.line(creditorName="Kiwi", entryReference="first", bookingDate=bank.day(5))
    last = bank.line(creditorName="Rema", entryReference="last", bookingDate=bank.day(6))
    bank.says([first, last])
    await bank.connect()
    seen: dict[str, Any] = {}
    for name, (odd, _) in LINES.items():
        bank.says([first, last])
        await bank.refresh()
        bank.says([first, bank.line(**odd), last])

        errors = await bank.refresh()

        account, lines = await bank.account(), await bank.lines()
        others = [line for line in lines if line["counterpartyName"] in ("Kiwi", "Rema")]
        seen[name] = (errors, len(others), account["unreadableItems"], account["wholeStatement"])
        if odd.get("status") == "pending":
            assert "PENDING" in {line["status"] for line in lines}

    assert seen == {name: ([], 2, 0 if is_read else 1, True) for name, (_, is_read) in LINES.items()}


async def test_an_odd_account_costs_that_account_alone_and_is_counted(bank: OddBank) -> None:
    def odd_accounts(items: list[Any]) -> list[Any]:
        names = {"account_id": {"other": {"identification": "12345678901", "scheme_name": "BBAN"}}, "currency": "NOK"}
        loan, nothing = {"bban": "12345678901", "currency": "NOK", "resourceId": "loan"}, {"iban": items[0]["bban"]}
        if bank.kind == "enable_banking":
            odd = [{"odd": names}, {"odd": {**names, "currency": None}}]
            return [odd[0], *items, odd[1]]
        unnamed = {name: value for name, value in items[0].items() if name != "resourceId"}
        links = {"transactions": {"href": f"/v1/accounts/{items[0]['resourceId']}/transactions"}}
        return [None, loan, {**unnamed, "_links": links}, *items[1:], nothing]

    bank.says([bank.line()])
    bank.odd.accounts = odd_accounts

    await bank.connect()

    link = await bank.link()
    expected = 2 if bank.kind == "enable_banking" else 3
    assert (link["status"], link["unreadableAccounts"]) == ("ACTIVE", expected)
    assert [len(account["balances"]) for account in link["accounts"]] == [2] * len(link["accounts"])
    assert len(link["accounts"]) == len(personas()["kari"].at_bank("bank_dnb"))
    assert await bank.refresh() == []


async def test_an_account_whose_details_are_not_to_be_had_costs_itself_alone_and_is_read_later(
    database_url: str, tmp_path: Path
) -> None:
    """Enable Banking gives each account's details by themselves."""
    away: list[str] = []

    def fails(request: Request) -> Response | None:
        uid = request.path_params["uid"]
        if not away:
            away.append(uid)
        return Response(status_code=503) if uid in away else None

    async with odd_bank("enable_banking", database_url, tmp_path) as bank:
        bank.says([bank.line()])
        bank.odd.instead["accounts"] = fails
        with stamina.set_testing(True, attempts=1, cap=True):
            await bank.connect()
        before = await bank.link()
        away[0] = ""
        await bank.pass_time(minutes=2)
        after = await bank.link()

    everything = len(personas()["kari"].at_bank("bank_dnb"))
    assert (before["status"], len(before["accounts"]), before["unreadableAccounts"]) == ("ACTIVE", everything - 1, 1)
    assert (after["status"], len(after["accounts"]), after["unreadableAccounts"]) == ("ACTIVE", everything, 0)


async def test_an_account_that_can_never_be_asked_for_is_counted(database_url: str, tmp_path: Path) -> None:
    """Enable Banking gives it no id, as it gives cards none, which are left out."""
    async with odd_bank("enable_banking", database_url, tmp_path) as bank:
        number = {"other": {"identification": "12035864022", "scheme_name": "BBAN"}}
        nameless = {"odd": {"uid": None, "account_id": number, "currency": "NOK"}}
        bank.odd.accounts = lambda items: [nameless, *items]
        bank.says([bank.line()])
        await bank.connect()
        await bank.pass_time(minutes=2)

        link, errors = await bank.link(), await bank.refresh()

    everything = len(personas()["kari"].at_bank("bank_dnb"))
    assert (link["status"], len(link["accounts"]), link["unreadableAccounts"]) == ("ACTIVE", everything, 1)
    assert errors == []


def no_more_today(kind: str) -> Response:
    """The bank's no to a reading beyond those that it gives in a day."""
    body = {"message": "No.", "code": 429, "error": "ASPSP_RATE_LIMIT_EXCEEDED"}
    if kind != "enable_banking":
        body = {"tppMessages": [{"category": "ERROR", "code": "ACCESS_EXCEEDED"}]}
    return JSONResponse(body, 429)


async def test_an_account_that_is_not_to_be_read_today_costs_itself_alone_and_is_read_the_next_day(
    database_url: str, tmp_path: Path
) -> None:
    refused: list[str] = []

    def limited(request: Request) -> Response | None:
        uid = request.path_params["uid"]
        if not refused:
            refused.append(uid)
        return no_more_today("enable_banking") if uid in refused else None

    async with odd_bank("enable_banking", database_url, tmp_path) as bank:
        bank.says([bank.line()])
        bank.odd.instead["accounts"] = limited
        await bank.connect()
        await bank.pass_time(minutes=2)
        before = await bank.link()
        refused[0] = ""
        await bank.pass_time(hours=25)
        after = await bank.link()

    everything = len(personas()["kari"].at_bank("bank_dnb"))
    assert (before["status"], len(before["accounts"]), before["unreadableAccounts"]) == ("ACTIVE", everything - 1, 1)
    assert (after["status"], len(after["accounts"]), after["unreadableAccounts"]) == ("ACTIVE", everything, 0)


async def test_accounts_that_are_not_to_be_read_today_are_read_the_next_day(bank: OddBank) -> None:
    bank.says([bank.line()])
    bank.odd.instead["accounts"] = lambda request: no_more_today(bank.kind)
    await bank.connect()
    await bank.pass_time(minutes=2)
    before = await bank.link()
    del bank.odd.instead["accounts"]

    await bank.pass_time(hours=25)

    after = await bank.link()
    assert (before["status"], before["accounts"]) == ("ACTIVE", [])
    assert (after["status"], len(after["accounts"])) == ("ACTIVE", len(personas()["kari"].at_bank("bank_dnb")))


async def test_an_odd_balance_costs_that_balance_alone(bank: OddBank) -> None:
    names = ("balance_type", "balance_amount", "reference_date", "ITAV")
    if bank.kind != "enable_banking":
        names = ("balanceType", "balanceAmount", "referenceDate", "interimAvailable")

    def odd_balances(items: list[Any]) -> list[Any]:
        kind, amount, day, available = names
        old = {kind: available, amount: {"currency": "NOK", "amount": "1.00"}, day: "2020-01-01"}
        foreign = {kind: available, amount: {"currency": "EUR", "amount": "2.00"}, day: "2099-01-01"}
        return [None, {kind: available, amount: {"currency": "NOK", "amount": "Infinity"}}, foreign, *items, old]

    usual = {balance["type"]: balance["amount"] for balance in await balances_of(bank)}
    bank.odd.balances = odd_balances

    assert await bank.refresh() == []

    account = await bank.account()
    assert {balance["type"]: balance["amount"] for balance in account["balances"]} == usual
    assert account["unreadableItems"] == 2


async def balances_of(bank: OddBank) -> list[dict[str, Any]]:
    bank.says([bank.line()])
    await bank.connect()
    found: list[dict[str, Any]] = (await bank.account())["balances"]
    return found


async def test_balances_are_kept_where_the_statement_is_refused(bank: OddBank) -> None:
    bank.says([bank.line()])
    bank.odd.instead["transactions"] = lambda request: Response(status_code=400)

    await bank.connect()

    account = await bank.account()
    assert len(account["balances"]) == 2
    assert (await bank.lines(), await bank.refresh()) == ([], ["PROVIDER_UNAVAILABLE"])


async def test_a_byte_order_mark_and_half_a_letter_do_not_hide_a_statement(bank: OddBank) -> None:
    bank.says([bank.line(creditorName="Half \ud83d of it"), bank.line(creditorName="Kiwi")])

    def with_mark(request: Any) -> Response:
        items = bank.odd.page("")[0]
        answer = {"transactions": items if bank.kind == "enable_banking" else {"booked": items}}
        return Response(b"\xef\xbb\xbf" + json.dumps(answer).encode())

    bank.odd.instead["transactions"] = with_mark
    await bank.connect()

    assert {line["counterpartyName"] for line in await bank.lines()} == {"Half ? of it", "Kiwi"}


async def test_an_empty_answer_is_an_empty_statement_and_a_message_none_at_all(bank: OddBank) -> None:
    bank.says([bank.line()])
    await bank.connect()
    bank.odd.instead["transactions"] = lambda request: JSONResponse({"tppMessages": [{"code": "SERVICE_BLOCKED"}]})
    told = (await bank.refresh(), len(await bank.lines()), (await bank.account())["wholeStatement"])
    bank.odd.instead["transactions"] = lambda request: Response(status_code=204)
    empty = [(await bank.refresh(), len(await bank.lines())) for _ in range(2)]

    assert told == ([], 1, False)
    assert empty == [([], 1), ([], 0)]
    assert (await bank.account())["wholeStatement"] is True


async def test_a_bank_that_gives_a_shorter_period_is_asked_for_it(bank: OddBank) -> None:
    today = bank.sandbox.clock.at.date()
    longest = 89

    def refuses(request: Request) -> Response | None:
        asked = request.query_params.get("dateFrom") or request.query_params["date_from"]
        if (today - date.fromisoformat(asked)).days <= longest:
            return None
        if bank.kind == "enable_banking":
            return JSONResponse({"code": 422, "error": "WRONG_TRANSACTIONS_PERIOD"}, 422)
        return JSONResponse({"tppMessages": [{"category": "ERROR", "code": "PERIOD_INVALID"}]}, 400)

    bank.says([bank.line()])
    bank.odd.instead["transactions"] = refuses
    await bank.connect()
    one_less = len(await bank.lines())
    longest = 60
    shorter = await bank.refresh()

    assert (one_less, shorter, len(await bank.lines())) == (1, [], 1)


@pytest.mark.parametrize("bank", ["open_payments", "direct"], indirect=True)
async def test_a_bank_that_lists_no_pending_lines_is_asked_for_booked_ones_once(bank: OddBank) -> None:
    def refuses(request: Request) -> Response | None:
        if request.query_params["bookingStatus"] == "booked":
            return None
        return JSONResponse({"tppMessages": [{"category": "ERROR", "code": "PARAMETER_NOT_SUPPORTED"}]}, 400)

    bank.says([bank.line()])
    bank.odd.instead["transactions"] = refuses
    await bank.connect()
    bank.odd.asked.clear()
    await bank.refresh()

    assert {asked["bookingStatus"] for asked in bank.odd.asked} == {"booked"}
    assert len(await bank.lines()) == 1


async def test_a_statement_of_many_pages_is_read_whole_and_one_that_never_ends_says_so(bank: OddBank) -> None:
    bank.says(*([bank.line(entryReference=f"page {page}", creditorName=f"No {page}")] for page in range(30)))
    await bank.connect()
    whole = (len(await bank.lines()), (await bank.account())["wholeStatement"])
    page_of = bank.odd.page
    bank.odd.page = lambda number: (page_of(number)[0], "1")  # type: ignore[method-assign]

    errors = await bank.refresh()

    assert whole == (30, True)
    assert (errors, len(await bank.lines()), (await bank.account())["wholeStatement"]) == ([], 30, False)


async def test_what_cannot_be_read_is_kept_encrypted_for_thirty_days_and_never_logged(bank: OddBank) -> None:
    bank.says([bank.line(amount="secret-12,3", creditorName="Kiwi")])
    with capture_logs() as logs:
        await bank.connect()
        await bank.refresh()
    kept = await rows(bank, "SELECT kind, content_encrypted FROM put_aside")
    await bank.sandbox.advance(days=29)
    await bank.play.settle()
    after_29_days = await rows(bank, "SELECT id FROM put_aside")
    await bank.sandbox.advance(days=2)
    await bank.play.settle()

    # Each of the accounts has the same line, which is kept once.
    assert [kind for kind, _ in kept] == ["TRANSACTION"]
    assert all(b"secret" not in bytes(content) for _, content in kept)
    assert "secret" not in str(logs)
    assert any(line["event"] == "bank_items_unreadable" and line["bank"] == "bank_dnb" for line in logs)
    assert 'drop_unreadable_items_total{bank="bank_dnb",kind="TRANSACTION"}' in generate_latest().decode()
    assert (len(after_29_days), await rows(bank, "SELECT id FROM put_aside")) == (1, [])


async def rows(bank: OddBank, query: str) -> list[Any]:
    async with bank.play.gateway.infrastructure.database.read_engine.connect() as connection:
        return list((await connection.execute(text(query))).all())


async def test_a_bank_is_told_the_own_browser_of_a_user_who_is_present(bank: OddBank) -> None:
    await bank.connect()
    bank.odd.told.clear()
    bank.kari.http.headers.encoding = "utf-8"
    bank.kari.http.headers["user-agent"] = "Drøp-iOS/3.2 (iPhone) " + "x" * 400
    assert await bank.refresh() == []

    browsers = {told.get("psu-user-agent", "") for told in bank.odd.told}
    assert browsers == {("Drp-iOS/3.2 (iPhone) " + "x" * 400)[:256]}
    assert all(told.get("psu-ip-address") for told in bank.odd.told)
