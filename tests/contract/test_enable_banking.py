"""What is Enable Banking's alone: whose webhooks are believed, its tokens, banks that want to know more of the user."""

import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, timedelta

import httpx
import pytest
import trustme
from joserfc.jwk import RSAKey
from structlog.testing import capture_logs

from domain.device import Device
from domain.errors import BadSignature, BadWebhook, Unavailable
from domain.ids import BankId, ConsentId
from domain.payment import FailureCode, Status
from gateway.assembly.adapters import Adapters, build_adapters
from gateway.assembly.clocks import SystemClock
from gateway.settings.check import load_settings
from providers.calling.guard import Guard
from providers.calling.shared import SharedCalling
from providers.open_banking import enable_banking, enable_banking_webhook
from providers.open_banking.enable_banking_client import Application, EnableBankingClient
from providers.open_banking.enable_banking_payments import EnableBankingPayments
from providers.open_banking.enable_banking_webhook import WebhookKeys, is_vendors
from providers.open_banking.port import ConsentRequest, NotApprovable, PaymentAccess, Psu
from tests.builders.counterpart import answer, counterpart
from tests.builders.own_secrets import OWN
from tests.builders.sandbox import MovedClock, Sandbox
from tests.contract.banks import CALLBACK, HOOK, an_enable_banking
from tests.contract.conftest import NOON
from tests.contract.test_odd_states import an_enable_banking as adapters_over
from tests.contract.test_payment_initiation import a_bank_payment
from tests.vendors import enable_banking as face

RAW = json.dumps({"payment_id": "obp-000001", "status": "ACSC"}).encode()
DNB = BankId("bank_dnb")
OLA = Psu(None, Device("192.0.2.1", "Phone/1"))
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


@asynccontextmanager
async def assembled(answer_of: Callable[[httpx.Request], httpx.Response]) -> AsyncIterator[Adapters]:
    """The adapters as a gateway has them, with Enable Banking behind a transport."""
    settings = load_settings(
        _env_file=None,
        open_banking_provider="enable_banking",
        enablebanking_app_id=face.APP_ID,
        enablebanking_private_key=face.OUR_KEY.as_pem(private=True).decode(),
        **OWN,
    )
    async with AsyncExitStack() as stack:

        def internet(tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
            client = httpx.AsyncClient(transport=httpx.MockTransport(answer_of))
            stack.push_async_callback(client.aclose)
            return client

        yield build_adapters(settings, MovedClock(NOON), internet(), internet, SharedCalling())


@pytest.mark.parametrize("status", [404, 500])
async def test_forged_webhooks_stop_no_payment_and_read_few_keys(status: int) -> None:
    asked: list[str] = []

    def answered(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(status) if "keys" in request.url.path else httpx.Response(200, json={"active": True})

    async with assembled(answered) as adapters:
        bank = adapters.payments["enable_banking"]
        for number in range(40):
            token = face.signed_webhook(RAW, x5u=f"https://enablebanking.com/keys/{number % 20}.pem")
            with pytest.raises((BadSignature, Unavailable)):
                await bank.parse_webhook(RAW, {"authorization": token}, HOOK)
        keys_read = len(asked)
        is_open = adapters.breakers["open_banking"].is_away
        await adapters.checks["enable_banking"].ask()

    assert 0 < keys_read <= 5
    assert not is_open


async def test_a_forged_webhook_for_another_application_reads_no_key() -> None:
    def answered(request: httpx.Request) -> httpx.Response:
        raise AssertionError("a request to the vendor")

    async with assembled(answered) as adapters:
        with pytest.raises(BadSignature):
            token = face.signed_webhook(RAW, sub="another")
            await adapters.payments["enable_banking"].parse_webhook(RAW, {"authorization": token}, HOOK)


async def test_a_key_that_verified_before_is_used_while_the_vendor_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enable_banking_webhook, "_KEY_FRESH_S", 0)
    pem = face.THEIR_KEY.as_pem(private=False)
    answers = iter([httpx.Response(200, content=pem), httpx.Response(500)])

    async with assembled(lambda request: next(answers)) as adapters:
        bank = adapters.payments["enable_banking"]
        token = {"authorization": face.signed_webhook(RAW, x5u="https://enablebanking.com/keys/1.pem")}
        first, second = [await bank.parse_webhook(RAW, token, HOOK) for _ in range(2)]

    assert first == second
    assert next(answers, None) is None


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
            ConsentId("cns_1"), DNB, Psu(None, Device("192.0.2.1", "Phone/1")), f"{CALLBACK}?state=s", date(2027, 5, 20)
        )
        started = await accounts.start_consent(request)
        settled = await EnableBankingPayments(client, keys, clock=sandbox.clock).status(
            PaymentAccess("1", DNB, Psu(None))
        )

    asked = vendor.requests[1]
    assert not any(name.startswith("psu-") for name in asked.headers)
    # Its longest is shorter than what was asked for.
    assert started.valid_until == date(2027, 2, 21)
    assert asked.json["access"]["valid_until"].startswith("2027-02-21")
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


@asynccontextmanager
async def payments_answered(sandbox: Sandbox, accepted: Mapping[str, object]) -> AsyncIterator[EnableBankingPayments]:
    bank = {"name": "DNB", "country": "NO", "bic": "DNBANOKK", "maximum_consent_validity": 86_400}
    said = (answer(200, json.dumps(one), content_type=JSON) for one in ({"aspsps": [bank]}, accepted))
    async with counterpart(*said) as vendor, httpx.AsyncClient() as http:
        guard = Guard("open_banking", enable_banking.RESILIENCE, enable_banking.RETRIED)
        key = face.OUR_KEY.as_pem(private=True).decode()
        application = Application(face.APP_ID, key, CALLBACK, "https://drop.example/hook")
        client = EnableBankingClient(http, guard, application, clock=sandbox.clock, api_url=vendor.url)
        keys = WebhookKeys(http, guard, is_theirs=is_vendors)
        yield EnableBankingPayments(client, keys, clock=sandbox.clock)


async def test_a_payment_whose_page_is_not_encrypted_keeps_its_id(sandbox: Sandbox) -> None:
    accepted = {"payment_id": "p-1", "status": "RCVD", "url": "http://auth.enablebanking.example/1"}
    async with payments_answered(sandbox, accepted) as payments:
        payment = a_bank_payment()
        state = await payments.initiate(
            payment, payment.creditor_account, DNB, Psu(None, Device("192.0.2.1", "Phone/1")), CALLBACK
        )
        with pytest.raises(NotApprovable):
            await payments.authorise(PaymentAccess(state.reference, DNB, Psu(None)), CALLBACK)

    assert (state.status, state.reference) == (Status.AUTHORISATION_REQUIRED, "p-1")
    assert state.authorisation is None


@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        ({"status_reason_code": "AM04"}, FailureCode.INSUFFICIENT_FUNDS),
        ({"status_reason_code": "AC01"}, FailureCode.REJECTED_BY_BANK),
        (None, FailureCode.REJECTED_BY_BANK),
    ],
)
async def test_a_payment_that_is_rejected_at_once_awaits_nothing(
    sandbox: Sandbox, reason: object, failure: FailureCode
) -> None:
    rejected = {"payment_id": "p-1", "status": "RJCT", "url": "https://a.example", "status_reason_information": reason}
    async with payments_answered(sandbox, rejected) as payments:
        payment = a_bank_payment()
        state = await payments.initiate(
            payment, payment.creditor_account, DNB, Psu(None, Device("192.0.2.1", "Phone/1")), CALLBACK
        )

    assert (state.status, state.reference, state.authorisation) == (Status.REJECTED, "p-1", None)
    assert state.failure is not None
    assert state.failure.code is failure


@pytest.mark.parametrize(("reason", "is_counted"), [("AG01", True), ("CUST", False), (None, False)])
async def test_a_no_that_is_told_after_the_approval_is_counted_where_it_may_be_our_fault(
    reason: str | None, is_counted: bool
) -> None:
    rejected = {"status": "RJCT", "status_reason_information": {"status_reason_code": reason}}
    adapters = adapters_over(httpx.MockTransport(lambda request: httpx.Response(200, json=rejected)))

    with capture_logs() as logs:
        state = await adapters.payments.status(PaymentAccess("p-1", DNB, Psu(None)))

    assert state.status is Status.REJECTED
    assert [log["code"] for log in logs if log["event"] == "bank_refuses_payment"] == [reason] * is_counted


ODD: tuple[object, ...] = (None, 5, "x", [], {}, [None], [5], {"a": 1}, -1, 1e30)


@pytest.mark.parametrize(
    "name",
    [
        "maximum_consent_validity",
        "auth_methods",
        "required_psu_headers",
        "payments",
        "allowed_auth_methods",
        "final_successful_statuses",
    ],
)
async def test_an_odd_field_of_a_bank_leaves_the_bank(sandbox: Sandbox, name: str) -> None:
    payment = {"payment_type": "DOMESTIC"}
    for odd in ODD:
        bank = {"name": "DNB", "country": "NO", "bic": "DNBANOKK", "maximum_consent_validity": 86_400}
        bank |= {"payments": [{**payment, name: odd}]} if name.startswith(("allowed", "final")) else {name: odd}
        transport = httpx.MockTransport(lambda request, bank=bank: httpx.Response(200, json={"aspsps": [bank]}))
        accounts = adapters_over(transport).accounts

        assert [found.id for found in await accounts.list_banks("NO")] == ["bank_dnb"], odd


async def test_every_bank_that_can_be_read_is_listed_under_an_id_of_its_own(sandbox: Sandbox) -> None:
    usual = {"country": "NO", "maximum_consent_validity": 86_400}
    listed = [
        {"name": "DNB", "bic": "DNBANOKK", **usual},
        {"name": "Sparebank Ø", "bic": "EIKANO22", **usual},
        {"name": "Østre Åsen & Co.", "bic": "EIKANO22", **usual},
        {"name": "Bulder", "bic": None, **usual},
        {"name": "Sbanken", **usual},
        {"name": "Without a country", "bic": "HELGNO21"},
        None,
    ]
    said = answer(200, json.dumps({"aspsps": listed}), content_type=JSON)
    async with counterpart(said) as vendor, httpx.AsyncClient() as http:
        guard = Guard("open_banking", enable_banking.RESILIENCE, enable_banking.RETRIED)
        key = face.OUR_KEY.as_pem(private=True).decode()
        application = Application(face.APP_ID, key, CALLBACK, "https://drop.example/hook")
        client = EnableBankingClient(http, guard, application, clock=sandbox.clock, api_url=vendor.url)
        found = await enable_banking.EnableBankingAccounts(client, clock=sandbox.clock).list_banks("NO")

    # The first of a BIC keeps the id that stored links have.
    assert [(bank.id, bank.name, bank.bic) for bank in found] == [
        ("bank_dnb", "DNB", "DNBANOKK"),
        ("bank_eikano22", "Sparebank Ø", "EIKANO22"),
        ("bank_no_ostre_asen_co", "Østre Åsen & Co.", "EIKANO22"),
        ("bank_no_bulder", "Bulder", ""),
        ("bank_no_sbanken", "Sbanken", ""),
    ]
