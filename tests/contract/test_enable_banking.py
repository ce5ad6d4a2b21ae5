"""What is Enable Banking's alone: whose webhooks are believed, its tokens, banks that want to know more of the user."""

import json
from collections.abc import Callable
from datetime import date, timedelta

import httpx
import pytest
import trustme
from joserfc.jwk import RSAKey

from domain.errors import BadSignature, BadWebhook, Unavailable
from domain.ids import BankId, ConsentId
from domain.payment import Status
from gateway.assembly.clocks import SystemClock
from providers.calling.guard import Guard
from providers.open_banking import enable_banking
from providers.open_banking.enable_banking_client import Application, EnableBankingClient
from providers.open_banking.enable_banking_webhook import WebhookKeys, is_vendors
from providers.open_banking.port import ConsentRequest, Psu
from tests.builders.counterpart import answer, counterpart
from tests.builders.sandbox import Sandbox
from tests.contract.banks import CALLBACK, HOOK, an_enable_banking
from tests.contract.conftest import NOON
from tests.contract.test_payment_initiation import a_bank_payment
from tests.vendors import enable_banking as face

RAW = json.dumps({"payment_id": "obp-000001", "status": "ACSC"}).encode()
DNB = BankId("bank_dnb")
JSON = "application/json"

FORGED: dict[str, Callable[[], str]] = {
    "a key of its own": lambda: face.signed_webhook(RAW, key=RSAKey.generate_key(2048, private=True)),
    "another address of the key": lambda: face.signed_webhook(RAW, x5u="https://enablebanking.com.evil.example/k"),
    "another body": lambda: face.signed_webhook(RAW + b" "),
    "another application": lambda: face.signed_webhook(RAW, sub="another"),
    "another algorithm": lambda: face.signed_webhook(RAW, alg="PS256"),
    "over": lambda: face.signed_webhook(RAW, exp=int((NOON - timedelta(hours=1)).timestamp())),
    "no digest": lambda: face.signed_webhook(RAW, msgi=""),
    "no token": lambda: "Bearer",
}


@pytest.mark.parametrize("forged", FORGED)
async def test_a_forged_webhook_is_refused(sandbox: Sandbox, forged: str) -> None:
    adapter = an_enable_banking(sandbox).payments
    good = await adapter.parse_webhook(RAW, {"authorization": face.signed_webhook(RAW)}, HOOK)
    assert (good.payment_reference, good.event_key) == ("obp-000001", "obp-000001:ACSC")

    with pytest.raises(BadSignature):
        await adapter.parse_webhook(RAW, {"authorization": FORGED[forged]()}, HOOK)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"payment_id": 1}', b'{"payment_id": ""}'])
async def test_a_body_that_names_no_payment_is_refused(sandbox: Sandbox, raw: bytes) -> None:
    with pytest.raises(BadWebhook):
        an_enable_banking(sandbox).payments.read_webhook(raw)


@pytest.mark.parametrize(
    ("url", "is_theirs"),
    [
        ("https://enablebanking.com/keys/1.pem", True),
        ("https://keys.enablebanking.com/1", True),
        ("http://enablebanking.com/keys/1.pem", False),
        ("https://notenablebanking.com/1", False),
        ("https://enablebanking.com.evil.example/1", False),
        ("https://evil.example/enablebanking.com", False),
        ("https://enablebanking.com@evil.example/1", False),
        ("file:///etc/passwd", False),
    ],
)
def test_keys_are_believed_at_the_vendors_own_addresses_alone(url: str, *, is_theirs: bool) -> None:
    assert is_vendors(url) is is_theirs


async def test_a_key_is_read_once_as_certificate_too_and_redirects_are_not_followed() -> None:
    certificate = trustme.CA().issue_cert("enablebanking.com", key_type=trustme.KeyType.RSA)
    pem = certificate.cert_chain_pems[0].bytes().decode()
    guard = Guard("open_banking", enable_banking.RESILIENCE, enable_banking.RETRIED)
    moved = answer(302, "", location="http://elsewhere.example/")
    async with counterpart(answer(200, pem), moved) as vendor, httpx.AsyncClient() as http:
        keys = WebhookKeys(http, guard, is_theirs=lambda url: True)
        assert await keys.at(f"{vendor.url}/1") is await keys.at(f"{vendor.url}/1")
        with pytest.raises(BadSignature):
            await keys.at(f"{vendor.url}/2")

    assert len(vendor.requests) == 2


async def test_a_bank_that_wants_to_know_more_of_the_user_is_told_nothing(sandbox: Sandbox) -> None:
    bank = {
        "name": "DNB",
        "country": "NO",
        "bic": "DNBANOKK",
        "maximum_consent_validity": 86_400 * 90,
        "required_psu_headers": ["Psu-Ip-Address", "Psu-Geo-Location"],
        "payments": [{"payment_type": "DOMESTIC", "final_successful_statuses": ["ACSP"]}],
    }
    page = json.dumps({"url": "https://auth.enablebanking.com/1", "authorization_id": "1"})
    payment = json.dumps({"payment_id": "1", "status": "ACSP", "final_status": True, "aspsp": {"name": "DNB"}})
    said = [json.dumps({"aspsps": [bank]}), page, payment]
    async with (
        counterpart(*(answer(200, one, content_type=JSON) for one in said)) as vendor,
        httpx.AsyncClient() as http,
    ):
        guard = Guard("open_banking", enable_banking.RESILIENCE, enable_banking.RETRIED)
        key = face.OUR_KEY.as_pem(private=True).decode()
        application = Application(face.APP_ID, key, CALLBACK, "https://drop.example/hook")
        client = EnableBankingClient(http, guard, application, clock=sandbox.clock, api_url=vendor.url)
        keys = WebhookKeys(http, guard, is_theirs=is_vendors)
        accounts = enable_banking.EnableBankingAccounts(client, clock=sandbox.clock)
        request = ConsentRequest(
            ConsentId("cns_1"), DNB, Psu(None, "192.0.2.1"), f"{CALLBACK}?state=s", date(2027, 5, 20)
        )
        started = await accounts.start_consent(request)
        settled = await enable_banking.EnableBankingPayments(client, keys, clock=sandbox.clock).status("1")

    asked = vendor.requests[1]
    assert not any(name.startswith("psu-") for name in asked.headers)
    # Its longest is shorter than what was asked for.
    assert started.valid_until == date(2027, 2, 22)
    assert asked.json["access"]["valid_until"].startswith("2027-02-22")
    # This bank says no more than that it has taken the payment.
    assert settled.status is Status.SETTLED


async def test_a_bank_that_the_vendor_does_not_reach_is_unavailable(sandbox: Sandbox) -> None:
    with pytest.raises(Unavailable, match="does not reach"):
        await an_enable_banking(sandbox).accounts.start_consent(
            ConsentRequest(ConsentId("cns_1"), BankId("bank_elsewhere"), Psu(None), CALLBACK, date(2027, 5, 20))
        )


async def test_an_application_that_is_not_in_use_is_named() -> None:
    said = answer(200, json.dumps({"active": False}), content_type=JSON)
    async with counterpart(said) as vendor, httpx.AsyncClient() as http:
        guard = Guard("open_banking", enable_banking.RESILIENCE, enable_banking.RETRIED)
        key = face.OUR_KEY.as_pem(private=True).decode()
        application = Application(face.APP_ID, key, CALLBACK, "https://drop.example/hook")
        client = EnableBankingClient(http, guard, application, clock=SystemClock(), api_url=vendor.url)
        with pytest.raises(Unavailable, match="not active"):
            await enable_banking.EnableBankingAccounts(client, clock=SystemClock()).check()


async def test_a_payment_whose_page_is_not_encrypted_keeps_its_id(sandbox: Sandbox) -> None:
    bank = {"name": "DNB", "country": "NO", "bic": "DNBANOKK", "maximum_consent_validity": 86_400}
    accepted = {"payment_id": "p-1", "status": "RCVD", "url": "http://auth.enablebanking.example/1"}
    said = (answer(200, json.dumps(one), content_type=JSON) for one in ({"aspsps": [bank]}, accepted))
    async with counterpart(*said) as vendor, httpx.AsyncClient() as http:
        guard = Guard("open_banking", enable_banking.RESILIENCE, enable_banking.RETRIED)
        key = face.OUR_KEY.as_pem(private=True).decode()
        application = Application(face.APP_ID, key, CALLBACK, "https://drop.example/hook")
        client = EnableBankingClient(http, guard, application, clock=sandbox.clock, api_url=vendor.url)
        keys = WebhookKeys(http, guard, is_theirs=is_vendors)
        payments = enable_banking.EnableBankingPayments(client, keys, clock=sandbox.clock)
        payment = a_bank_payment()
        state = await payments.initiate(payment, payment.creditor_account, DNB, Psu(None, "192.0.2.1"), CALLBACK)
        with pytest.raises(Unavailable):
            await payments.authorise(state.reference, Psu(None), CALLBACK)

    assert (state.status, state.reference) == (Status.AUTHORISATION_REQUIRED, "p-1")
    assert state.authorisation_url is None
