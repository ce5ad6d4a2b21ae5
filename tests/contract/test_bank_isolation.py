"""One bank that is silent or fails, behind every vendor that reaches several: calls to the other banks go on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import httpx
import pytest

from domain.account_number import parse_account_number
from domain.consent import ConsentStatus
from domain.device import Device
from domain.errors import Unavailable
from domain.ids import BankId, ConsentId
from domain.payment import Status
from providers.calling.guard import Guard
from providers.open_banking import open_payments
from providers.open_banking.open_payments import SCOPE, Credentials, OpenPaymentsClient
from providers.open_banking.port import ConsentAccess, ConsentRequest, PaymentAccess, Psu
from sandbox.people import personas
from tests.builders.gateway import BASE
from tests.builders.sandbox import Sandbox
from tests.contract.banks import BankVendor, a_direct_bank, a_mock, an_enable_banking, an_open_payments
from tests.contract.test_payment_initiation import a_bank_payment

# How each vendor's requests name the bank.
SILJE = Psu(personas()["silje"].identity_number, Device("192.0.2.1", "Phone/1"))
BACK = f"{BASE}/api/openbanking/callback?state=s"
DNB = (b"DNBANOKK", b'"DNB"', b"/bank_dnb/", b'"bank_dnb"')


@pytest.fixture(params=[a_mock, an_open_payments, an_enable_banking, a_direct_bank])
async def bank(sandbox: Sandbox, request: pytest.FixtureRequest) -> BankVendor:
    await sandbox.sign_in("silje")
    build: Callable[[Sandbox], BankVendor] = request.param
    return build(sandbox)


async def consent(bank: BankVendor, bank_id: str) -> str:
    """The vendor's reference of a new consent."""
    request = ConsentRequest(ConsentId(f"cns_{bank_id}"), BankId(bank_id), SILJE, BACK, date(2027, 5, 20))
    return (await bank.accounts.start_consent(request)).reference


async def test_a_silent_bank_is_left_alone_and_the_others_are_not(bank: BankVendor, sandbox: Sandbox) -> None:
    await bank.accounts.list_banks("NO")
    sandbox.line.is_silent_to(*DNB)
    for _ in range(8):
        with pytest.raises(Unavailable):
            await consent(bank, "bank_dnb")
    sandbox.line.mend()
    sent = sandbox.line.requests

    with pytest.raises(Unavailable):
        await consent(bank, "bank_dnb")
    assert sandbox.line.requests == sent
    await consent(bank, "bank_nordea")


@pytest.mark.parametrize("bank", [a_mock, an_open_payments, an_enable_banking], indirect=True)
async def test_a_list_of_banks_that_cannot_be_read_closes_none(bank: BankVendor, sandbox: Sandbox) -> None:
    await bank.accounts.list_banks("NO")
    sandbox.line.is_silent_to(b"/aspsps", b"/bank/banks")
    for _ in range(8):
        with pytest.raises(Unavailable):
            await bank.accounts.list_banks("SE")

    await consent(bank, "bank_dnb")


def a_consent_at(bank_id: str, reference: str) -> ConsentAccess:
    return ConsentAccess(reference, BankId(bank_id), SILJE)


@pytest.mark.parametrize("bank", [a_mock, an_open_payments, a_direct_bank], indirect=True)
async def test_consents_at_a_silent_bank_do_not_stop_those_at_the_others(bank: BankVendor, sandbox: Sandbox) -> None:
    await bank.accounts.list_banks("NO")
    at_dnb = a_consent_at("bank_dnb", await consent(bank, "bank_dnb"))
    at_nordea = a_consent_at("bank_nordea", await consent(bank, "bank_nordea"))
    sandbox.line.is_silent_to(id_at_bank(at_dnb.reference))
    for _ in range(8):
        for ask in (bank.accounts.consent_state(at_dnb), bank.accounts.revoke_consent(at_dnb)):
            with pytest.raises(Unavailable):
                await ask
    sandbox.line.mend()
    sent = sandbox.line.requests

    for ask in (bank.accounts.consent_state(at_dnb), bank.accounts.revoke_consent(at_dnb)):
        with pytest.raises(Unavailable):
            await ask
    assert sandbox.line.requests == sent
    assert (await bank.accounts.consent_state(at_nordea)).status is ConsentStatus.AWAITING_AUTHORISATION


async def a_payment_at(bank: BankVendor, bank_id: BankId, number: int) -> PaymentAccess:
    """A payment at that bank that its user has begun to approve."""
    account = personas()["silje"].at_bank(bank_id)[0]
    payment = a_bank_payment(number)
    state = await bank.payments.initiate(payment, parse_account_number(account.bban), bank_id, SILJE, BACK)
    access = PaymentAccess(state.reference, bank_id, SILJE)
    if state.authorisation is None:
        state = await bank.payments.authorise(access, BACK)
    return replace(access, reference=state.reference)


async def test_payments_at_a_silent_bank_do_not_stop_those_at_the_others(bank: BankVendor, sandbox: Sandbox) -> None:
    await bank.accounts.list_banks("NO")
    at_dnb = await a_payment_at(bank, BankId("bank_dnb"), 1)
    at_nordea = await a_payment_at(bank, BankId("bank_nordea"), 2)
    sandbox.line.is_silent_to(id_at_bank(at_dnb.reference))
    for _ in range(8):
        for ask in (bank.payments.status(at_dnb), bank.payments.cancel(at_dnb, BACK)):
            with pytest.raises(Unavailable):
                await ask
    sandbox.line.mend()
    sent = sandbox.line.requests

    for ask in (bank.payments.status(at_dnb), bank.payments.cancel(at_dnb, BACK)):
        with pytest.raises(Unavailable):
            await ask
    assert sandbox.line.requests == sent
    assert (await bank.payments.status(at_nordea)).status is Status.AUTHORISATION_REQUIRED


def id_at_bank(reference: str) -> bytes:
    """The bank's own id of the payment, as its paths have it."""
    return reference.strip("/").split("/")[1 if "/" in reference else 0].encode()


@pytest.mark.parametrize("bank", [an_open_payments], indirect=True)
async def test_an_approval_that_one_bank_does_not_take_stops_none_at_the_others(
    bank: BankVendor, sandbox: Sandbox
) -> None:
    await bank.accounts.list_banks("NO")
    sandbox.line.is_silent_to(b"/connect/token")
    for _ in range(8):
        with pytest.raises(Unavailable):
            await bank.accounts.complete_consent(
                a_consent_at("bank_dnb", "DNBANOKK/consent/authorisation"), {"code": "c"}
            )
    sandbox.line.mend()

    await consent(bank, "bank_nordea")


async def test_an_odd_bank_of_the_list_costs_that_bank_alone() -> None:
    listed = [None, {"bicFi": None, "name": "x"}, {"bicFi": "DNBANOKK", "name": "DNB"}, {"bicFi": "NDEANOKK"}, 7]
    said = {"access_token": "t", "expires_in": 3600, "aspsps": listed}
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=said)))
    guard = Guard("open_banking", open_payments.RESILIENCE, open_payments.RETRIED, vendor="open_payments")
    credentials = Credentials("drop", "s", SCOPE, "https://drop.example/callback")
    client = OpenPaymentsClient(http, guard, credentials, api_url="https://op.example", auth_url="https://op.example")

    assert [bank.id for bank in await client.banks("NO")] == ["bank_dnb"]
