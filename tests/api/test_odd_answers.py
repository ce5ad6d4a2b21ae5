"""Answers that stand in no documentation: each costs itself alone, at every kind of bank."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.builders.gateway import payment_of
from tests.builders.odd_banks import KINDS, OddBank, odd_bank

STANDARD = ("open_payments", "direct")


@pytest.fixture(params=KINDS)
async def bank(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OddBank]:
    async with odd_bank(request.param, database_url, tmp_path) as bank:
        yield bank


async def test_lines_from_before_the_window_are_not_doubled(bank: OddBank) -> None:
    bank.says([bank.line(creditorName="Kiwi"), bank.line(creditorName="Rema", bookingDate=bank.day(200))])
    await bank.connect()

    errors = [await bank.refresh() for _ in range(3)]

    assert errors == [[], [], []]
    assert [line["counterpartyName"] for line in await bank.lines()] == ["Kiwi", "Rema"]


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59Z", "never", 7])
async def test_an_odd_end_of_a_consent_hides_no_account(bank: OddBank, until: Any) -> None:
    bank.odd.consent_until = until

    await bank.connect()

    link = await bank.link()
    assert (link["status"], len(link["accounts"]) > 0) == ("ACTIVE", True)


@pytest.mark.parametrize("what", ["accounts", "balances", "transactions"])
async def test_a_body_that_cannot_be_unpacked_is_trouble_of_the_bank(bank: OddBank, what: str) -> None:
    await bank.connect()
    bank.odd.instead[what] = lambda request: Response(b"{}", headers={"content-encoding": "gzip"})

    errors = await bank.refresh()

    assert errors == ([] if what == "accounts" else ["PROVIDER_UNAVAILABLE"])


@pytest.mark.parametrize(
    "answer",
    [
        Response(b"{}", 201, headers={"content-encoding": "gzip"}),
        Response(b"", 303, headers={"location": "/elsewhere"}),
    ],
    ids=["cannot be unpacked", "a redirect"],
)
async def test_a_payment_whose_answer_says_nothing_is_in_doubt(bank: OddBank, answer: Response) -> None:
    await bank.connect()
    bank.odd_payments.instead["initiate"] = lambda request: answer

    payment = await bank.pay()

    assert (payment["status"], payment["inDoubt"]) == ("CREATED", True)


ODD_TAKEN: dict[str, Any] = {
    "links that are none": {"_links": {"scaStatus": {"href": "https://[bank/x"}}},
    "odd messages": {"tppMessages": [None, {"category": "WARNING", "code": None, "text": {}}, 7]},
    "an odd page": {"url": "https://[bank"},
}


@pytest.mark.parametrize("odd", ODD_TAKEN.values(), ids=ODD_TAKEN)
async def test_a_payment_that_the_bank_has_taken_keeps_its_id(bank: OddBank, odd: Any) -> None:
    await bank.connect()
    bank.odd_payments.taken = lambda answer: {**answer, **odd}

    payment = await bank.pay()

    assert payment["status"] in ("AUTHORISATION_REQUIRED", "CREATED")
    await bank.decide()
    await bank.pass_time(hours=2)
    assert ((await payment_of(bank.kari, payment["id"]))["status"], await bank.booked()) == ("SETTLED", 1)


@pytest.mark.parametrize("link", ["https://[bank/x", "/accounts", "?page=1", 7])
@pytest.mark.parametrize("bank", STANDARD, indirect=True)
async def test_an_odd_link_to_the_next_page_ends_the_statement_as_incomplete(bank: OddBank, link: Any) -> None:
    answer = {"transactions": {"booked": [bank.line()], "_links": {"next": link}}}
    bank.odd.instead["transactions"] = lambda request: JSONResponse(answer)

    await bank.connect()

    assert await bank.refresh() == []
    assert (len(await bank.lines()), (await bank.account())["wholeStatement"]) == (1, False)


async def test_an_account_with_an_iban_is_known_by_it(bank: OddBank) -> None:
    """A foreign domestic number of eleven digits may pass as a Norwegian one."""
    foreign = "SE4550000000058398257466"

    def odd_accounts(items: list[Any]) -> list[Any]:
        if bank.kind == "enable_banking":
            number = {"iban": foreign, "other": {"identification": "86011117947", "scheme_name": "BBAN"}}
            return [{"odd": {"account_id": number, "currency": "SEK"}}, *items]
        return [{"resourceId": "x", "iban": foreign, "bban": "86011117947", "currency": "SEK"}, *items]

    bank.odd.accounts = odd_accounts

    await bank.connect()

    link = await bank.link()
    (found,) = [account for account in link["accounts"] if account["currency"] == "SEK"]
    assert found["bban"] is None


@pytest.mark.parametrize(("word", "ends"), [("received", False), ("partiallyAuthorised", False), ("expired", True)])
@pytest.mark.parametrize("bank", STANDARD, indirect=True)
async def test_a_consent_is_lost_only_where_the_bank_says_so_of_it(bank: OddBank, word: str, ends: bool) -> None:
    await bank.connect()
    bank.odd.consent_word = word
    messages = {"tppMessages": [{"category": "ERROR", "code": "CONSENT_INVALID"}]}
    bank.odd.instead["balances"] = lambda request: JSONResponse(messages, 401)

    errors = await bank.refresh()

    link = await bank.link()
    assert (errors, link["status"]) == (
        (["CONSENT_REQUIRED"], "EXPIRED") if ends else (["PROVIDER_UNAVAILABLE"], "ACTIVE")
    )


@pytest.mark.parametrize(("status", "code"), [(403, "CONSENT_UNKNOWN"), (404, "RESOURCE_UNKNOWN")])
@pytest.mark.parametrize("bank", STANDARD, indirect=True)
async def test_a_consent_that_the_bank_does_not_know_any_more_is_lost(bank: OddBank, status: int, code: str) -> None:
    await bank.connect()
    unknown = {"tppMessages": [{"category": "ERROR", "code": "CONSENT_UNKNOWN"}]}
    bank.odd.instead["balances"] = lambda request: JSONResponse(unknown, 400)
    bank.odd.instead["consent"] = lambda request: JSONResponse({"tppMessages": [{"code": code}]}, status)

    errors = await bank.refresh()

    assert (errors, (await bank.link())["status"]) == (["CONSENT_REQUIRED"], "REVOKED")


async def test_a_payment_that_got_no_id_is_in_doubt(bank: OddBank) -> None:
    await bank.connect()
    bank.odd_payments.taken = lambda answer: {**answer, "paymentId": None, "payment_id": None}

    payment = await bank.pay()

    assert (payment["status"], payment["inDoubt"]) == ("CREATED", True)
