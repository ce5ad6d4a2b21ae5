"""A bank's no to a payment: told to operators by its code, and to the user in words that help."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from domain.account_number import parse_account_number
from domain.device import Device
from domain.errors import Unavailable
from domain.ids import BankId
from domain.payment import FailureCode, Status
from providers.calling.guard import Guard
from providers.open_banking import direct_banks
from providers.open_banking.bank_notification import NotificationAddress
from providers.open_banking.port import PaymentAccess, PaymentState, Psu
from schema.texts import sentence
from tests.builders.counterpart import answer, counterpart
from tests.builders.gateway import BASE, OLA
from tests.builders.sandbox import MovedClock
from tests.conftest import NOON
from tests.contract.banks import HOOK
from tests.contract.test_payment_initiation import a_bank_payment


def counted(code: str) -> float:
    return REGISTRY.get_sample_value("drop_bank_refusals_total", {"bank": "bank_dnb", "code": code}) or 0


@pytest.mark.parametrize(
    ("status", "code"), [(401, "CERTIFICATE_BLOCKED"), (422, "FORMAT_ERROR"), (429, "ACCESS_EXCEEDED")]
)
async def test_a_no_for_our_own_sake_is_counted_alike(status: int, code: str) -> None:
    before = counted(code)
    body = f'{{"tppMessages": [{{"category": "ERROR", "code": "{code}"}}]}}'
    async with counterpart(answer(status, body, content_type="application/json")) as bank:
        with pytest.raises(Unavailable), capture_logs() as logs:
            await initiated(bank.url)

    assert counted(code) == before + 1
    assert [log["code"] for log in logs if log["event"] == "bank_refuses_payment"] == [code]


async def test_a_missing_kid_is_told_and_no_fault_of_our_credentials() -> None:
    """The standard has it with the certificates and tokens, under 401."""
    refused: list[str] = []
    body = '{"tppMessages": [{"category": "ERROR", "code": "REQUIRED_KID_MISSING"}]}'
    async with counterpart(answer(401, body, content_type="application/json")) as bank:
        state = await initiated(bank.url, lambda *of: refused.append(str(of)))

    assert state.status is Status.REJECTED
    assert state.failure is not None
    assert "KID" in sentence(state.failure.text, "en-GB")
    assert refused == []


@pytest.mark.parametrize(
    ("messages", "known_as", "is_counted"),
    [
        ([{"category": "ERROR", "code": "PRODUCT_INVALID"}], "PRODUCT_INVALID", True),
        ([{"category": "ERROR", "code": "FORMAT_ERROR"}], "FORMAT_ERROR", True),
        ([{"category": "ERROR", "code": "FUNDS_NOT_AVAILABLE"}], "FUNDS_NOT_AVAILABLE", False),
        ([], "none", False),
    ],
)
async def test_a_no_that_is_told_after_the_approval_is_counted_where_it_may_be_our_fault(
    messages: list[dict[str, str]], known_as: str, is_counted: bool
) -> None:
    status, sca = {"transactionStatus": "RJCT", "tppMessages": messages}, {"scaStatus": "finalised"}
    said = (answer(200, json.dumps(one), content_type="application/json") for one in (status, sca))
    before = counted(known_as)
    async with counterpart(*said) as bank:
        with capture_logs() as logs:
            state = await read(bank.url)

    assert state.status is Status.REJECTED
    assert counted(known_as) == before + is_counted
    assert [log["code"] for log in logs if log["event"] == "bank_refuses_payment"] == [known_as] * is_counted


def nobody_hears(provider: str, name: str, reason: str) -> None:
    pass


async def read(url: str) -> PaymentState:
    async with direct_payments(url) as payments:
        return await payments.status(PaymentAccess("DNBANOKK/p-1/a-1", BankId("bank_dnb"), Psu(None)))


@asynccontextmanager
async def direct_payments(
    url: str, on_refused: Callable[[str, str, str], None] = nobody_hears
) -> AsyncIterator[direct_banks.DirectPayments]:
    async with httpx.AsyncClient() as http:
        guard = Guard(
            "open_banking", direct_banks.RESILIENCE, direct_banks.RETRIED, vendor="direct", on_refused=on_refused
        )
        notifications = NotificationAddress(HOOK, "secret")
        client = direct_banks.DirectBanks(http, {"bank_dnb": url}, guard, notifications=notifications)
        yield direct_banks.DirectPayments(client, webhook_secret="secret", clock=MovedClock(NOON))


async def initiated(url: str, on_refused: Callable[[str, str, str], None] = nobody_hears) -> PaymentState:
    async with direct_payments(url, on_refused) as payments:
        return await payments.initiate(
            a_bank_payment(),
            parse_account_number(OLA),
            BankId("bank_dnb"),
            Psu(None, Device("192.0.2.1", "Phone/1")),
            f"{BASE}/api/openbanking/callback?state=s",
        )


@pytest.mark.parametrize(
    ("code", "known_as", "failure", "says"),
    [
        ("FUNDS_NOT_AVAILABLE", "FUNDS_NOT_AVAILABLE", FailureCode.INSUFFICIENT_FUNDS, "not enough money"),
        ("PRODUCT_UNKNOWN", "PRODUCT_UNKNOWN", FailureCode.REJECTED_BY_BANK, "bank's own app"),
        ("SERVICE_BLOCKED", "SERVICE_BLOCKED", FailureCode.REJECTED_BY_BANK, "bank's own app"),
        ("FORMAT_ERROR", "FORMAT_ERROR", FailureCode.REJECTED_BY_BANK, "did not take"),
        ("Kari Nordmann has moved", "none", FailureCode.REJECTED_BY_BANK, "did not take"),
    ],
)
async def test_a_no_is_counted_and_logged_by_its_code(
    code: str, known_as: str, failure: FailureCode, says: str
) -> None:
    body = f'{{"tppMessages": [{{"category": "ERROR", "code": "{code}", "text": "Kari has no money"}}]}}'
    before = counted(known_as)
    async with counterpart(answer(400, body, content_type="application/json")) as bank:
        with capture_logs() as logs:
            state = await initiated(bank.url)

    assert (state.status, state.failure and state.failure.code) == (Status.REJECTED, failure)
    assert state.failure is not None
    assert says in sentence(state.failure.text, "en-GB")
    assert counted(known_as) == before + 1
    assert [log["code"] for log in logs if log["event"] == "bank_refuses_payment"] == [known_as]
    assert "Kari" not in str(logs)
