"""Names and messages of payments in the letters that a bank takes, at every vendor of open banking."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.bank_text import Letters, TextRules
from domain.ids import BankId
from gateway.assembly.clocks import SystemClock
from providers.open_banking import bank_profiles
from tests.builders.gateway import Play, Player, a_payment, first_account, nodes, playing
from tests.builders.odd_banks import KINDS, odd_bank

PAY = """mutation($input: InitiatePaymentInput!) { initiatePayment(input: $input) { payment { status }
  warnings { code field message } userErrors { code field message } } }"""
PAYMENTS = "{ viewer { payments { edges { node { creditor { name } reference kid } } } } }"
DNB = BankId("bank_dnb")


@dataclass
class Payer:
    """Kari with an account at DNB, which rejects what it cannot take."""

    play: Play
    kari: Player
    account: str

    async def pay(self, **changes: object) -> dict[str, Any]:
        given = {**a_payment(self.account), "message": None, **changes}
        payload: dict[str, Any] = (await self.kari.ask(PAY, input=given))["initiatePayment"]
        return payload

    async def payments(self) -> list[tuple[str, str | None, str | None]]:
        """The creditor's name, the message and the KID of each payment, the newest first."""
        found = nodes((await self.kari.ask(PAYMENTS))["viewer"]["payments"])
        return [(one["creditor"]["name"], one["reference"], one["kid"]) for one in found]


@asynccontextmanager
async def paying(kind: str, database_url: str, folder: Path) -> AsyncIterator[Payer]:
    if kind == "mock":
        async with playing(database_url, folder, SystemClock().now()) as play:
            kari, account = await play.banked()
            yield Payer(play, kari, account)
        return
    async with odd_bank(kind, database_url, folder) as bank:
        await bank.connect()
        yield Payer(bank.play, bank.kari, await first_account(bank.kari))


@pytest.fixture(params=["mock", *KINDS])
async def payer(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Payer]:
    async with paying(request.param, database_url, tmp_path) as payer:
        yield payer


def told(payload: dict[str, Any], kind: str) -> list[tuple[str, str]]:
    return [(one["code"], ".".join(one["field"])) for one in payload[kind]]


async def test_a_text_is_sent_as_the_bank_takes_it_and_the_user_is_shown_what_was_sent(payer: Payer) -> None:
    odd = await payer.pay(creditorName="Łukasz’s Rørleggeri & Sønn", message="Cafe\u0301\u00a0–\u200b š")
    day = (payer.play.gateway.clock.now() + timedelta(days=7)).date().isoformat()
    usual = await payer.pay(creditorName="Åse Müller", message="A\u030are\u00a0og\r\nJul\u00ad", executionDate=day)

    assert {one["payment"]["status"] for one in (odd, usual)} == {"AUTHORISATION_REQUIRED"}
    assert told(odd, "warnings") == [("TEXT_REPLACED", "input.creditorName"), ("TEXT_REPLACED", "input.message")]
    assert [one["message"] for one in odd["warnings"]] == [
        "Banken tar ikke alle tegnene. Teksten sendes som «Lukasz's Rørleggeri & Sønn».",
        "Banken tar ikke alle tegnene. Teksten sendes som «Café - s».",
    ]
    assert "TEXT_REPLACED" not in {one["code"] for one in usual["warnings"]}
    assert await payer.payments() == [
        ("Åse Müller", "Åre og Jul", None),
        ("Lukasz's Rørleggeri & Sønn", "Café - s", None),
    ]


async def test_what_the_bank_cannot_take_is_refused_by_name_before_anything_is_sent(payer: Payer) -> None:
    emoji = await payer.pay(creditorName="Ola 😀", message="Привет")
    control = await payer.pay(message="a\u0007b\u202e")
    both = await payer.pay(message="Takk", kid="12345678903")

    assert told(emoji, "userErrors") == [("INVALID_TEXT", "input.creditorName"), ("INVALID_TEXT", "input.message")]
    assert emoji["userErrors"][0]["message"] == "Tegnene 😀 kan ikke brukes."
    assert "П р и в е т" in emoji["userErrors"][1]["message"]
    assert control["userErrors"][0]["message"] == "Tegnene U+0007 U+202E kan ikke brukes."
    assert told(both, "userErrors") == [("INVALID_KID", "input.kid")]
    assert await payer.payments() == []


async def test_a_kid_arrives_as_one(payer: Payer) -> None:
    payload = await payer.pay(kid="12345678903")

    assert payload["payment"]["status"] == "AUTHORISATION_REQUIRED"
    assert await payer.payments() == [("Ola Hansen", None, "12345678903")]


async def test_a_bank_that_takes_less_gets_less_by_its_profile(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = bank_profiles.by_id(DNB)
    narrow = replace(profile, texts=TextRules(Letters.SEPA, longest_name=20, longest_message=10))
    monkeypatch.setitem(bank_profiles._BY_ID, DNB, narrow)
    monkeypatch.setitem(bank_profiles._BY_BIC, profile.bic, narrow)

    replaced = await payer.pay(creditorName="Bjørn Née", message="100% Æ")
    shorter = await payer.pay(creditorName="Bjørn Née", message="Takk, Æ")
    longer = await payer.pay(message="Takk for alt")

    assert told(replaced, "userErrors") == [("INVALID_TEXT", "input.message")]
    assert told(longer, "userErrors") == [("INVALID_TEXT", "input.message")]
    assert told(shorter, "warnings") == [("TEXT_REPLACED", "input.creditorName"), ("TEXT_REPLACED", "input.message")]
    assert await payer.payments() == [("Bjorn Nee", "Takk, AE", None)]


def test_banks_outside_of_the_nordic_countries_get_the_latin_set_alone() -> None:
    letters = {bic: bank_profiles.by_bic(bic).texts.letters for bic in ("REVOLT21", "LUNADK22", "SPTRNO22", "")}

    assert letters == {
        "REVOLT21": Letters.SEPA,
        "LUNADK22": Letters.NORWEGIAN,
        "SPTRNO22": Letters.NORWEGIAN,
        "": Letters.NORWEGIAN,
    }
