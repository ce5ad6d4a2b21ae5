"""Which of several methods a user approves by at Enable Banking: the one that Drop can carry, or the user's choice."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.people import personas
from tests.builders.gateway import BASE, CONNECT, a_payment, first_account, pay, payment_of
from tests.builders.odd_banks import OddBank, odd_bank
from tests.vendors.enable_banking import a_method

PAGE = a_method("BankID on a page")
OTHER_PAGE = a_method("Code device")
APP = a_method("Mobile BankID", "DECOUPLED")
TYPED = a_method("Password", "EMBEDDED")


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[OddBank]:
    async with odd_bank("enable_banking", database_url, tmp_path) as bank:
        yield bank


async def approve(bank: OddBank, url: str) -> str:
    """Follow the vendor's page, choose the last method where it asks, and approve. Gives what it showed."""
    accounts = [account.resource_id for account in personas()["kari"].at_bank("bank_dnb")]
    async with httpx.AsyncClient() as browser:
        shown = await browser.get(url)
        said = "" if shown.is_redirect else next(iter(shown.json()))
        if said == "choose":
            shown = await browser.get(url, params={"method": shown.json()["choose"][-1]})
        where = shown.headers["location"] if shown.is_redirect else shown.json()["app"]
        where = await bank.sandbox.press(where, decision="approve", account=accounts)
        while not where.startswith(BASE):
            where = (await browser.get(where)).headers["location"]
    assert (await bank.kari.http.get(where)).status_code == 303
    return said


@pytest.mark.parametrize(
    ("methods", "named", "shows"),
    [
        ([PAGE], None, ""),
        # Unasked, the vendor would take the first.
        ([APP, PAGE], "BankID on a page", ""),
        ([TYPED, APP, PAGE], "BankID on a page", ""),
        ([TYPED, APP], "Mobile BankID", "wait"),
        # Nobody can choose a hidden one at the vendor.
        ([TYPED, {**PAGE, "hidden_method": True}], "BankID on a page", ""),
        ([{**PAGE, "hidden_method": True}, PAGE | {"name": "BankID"}], None, ""),
        # Only the user knows which of them is theirs.
        ([PAGE, OTHER_PAGE], None, "choose"),
        ([a_method("BankID on a page", of="business"), TYPED, APP], "Mobile BankID", "wait"),
    ],
)
async def test_a_consent_and_a_payment_are_approved_by_a_method_that_drop_can_carry(
    bank: OddBank, methods: list[dict[str, Any]], named: str | None, shows: str
) -> None:
    bank.face.methods = methods

    connecting = (await bank.kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
    shown = [await approve(bank, connecting["authorisationUrl"])]
    payment = (await pay(bank.kari, a_payment(await first_account(bank.kari))))["payment"]
    shown += [await approve(bank, payment["authorisationUrl"])]

    assert list(bank.face.named.values()) == [named, named]
    assert shown == [shows, shows]
    assert (await payment_of(bank.kari, payment["id"]))["status"] in ("PROCESSING", "SETTLED")


async def test_a_payment_is_approved_by_a_method_that_its_type_allows(bank: OddBank) -> None:
    bank.face.methods, bank.face.allowed = [PAGE, APP], ["Mobile BankID"]
    connecting = (await bank.kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
    await approve(bank, connecting["authorisationUrl"])

    payment = (await pay(bank.kari, a_payment(await first_account(bank.kari))))["payment"]
    await approve(bank, payment["authorisationUrl"])

    assert list(bank.face.named.values()) == ["BankID on a page", "Mobile BankID"]
    assert (await payment_of(bank.kari, payment["id"]))["status"] in ("PROCESSING", "SETTLED")
