"""An id may have any characters: it is one segment of an address and one header, at each vendor."""

import json
from datetime import date
from urllib.parse import quote

import httpx
import pytest

from domain.errors import InDoubt, Unavailable
from domain.ids import BankId, ConsentId
from providers.calling.guard import Guard, Resilience
from providers.card_payments.stripe import StripeCardPayments
from providers.kyc.sumsub import SumsubKyc
from providers.open_banking.port import AccountAccess, ConsentAccess, ConsentRequest, PaymentAccess
from providers.stripe_sdk import Stripe
from tests.builders.sandbox import MovedClock
from tests.contract.conftest import NOON
from tests.contract.test_odd_states import (
    ASPSPS,
    DEBTOR,
    PSU,
    REDIRECT_URI,
    a_direct_bank,
    an_enable_banking,
)
from tests.contract.test_payment_initiation import a_bank_payment

DNB = BankId("bank_dnb")
ODD_IDS = ["a/b", "a?b=c#d", "../a", "a,b", "a%2Fb", "æ ø", "a\nb: c", "a b"]
PAYMENTS = "/v1/payments/norwegian-domestic-credit-transfers"


class Recorder:
    """Takes whatever is asked, and remembers what was: an id of the payment, consent or session is the odd one."""

    def __init__(self, odd: str) -> None:
        self.asked: list[httpx.Request] = []
        self.said = {
            "paymentId": odd,
            "payment_id": odd,
            "consentId": odd,
            "session_id": odd,
            "accounts": [{"uid": odd}],
            "transactionStatus": "ACSC",
            "consentStatus": "valid",
            "scaStatus": "finalised",
            "authorisationIds": [odd],
            "balances": [],
            "currency": "NOK",
            "account_id": {"iban": DEBTOR.iban},
            **ASPSPS,
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        is_session = request.url.path.startswith("/sessions/")
        status = {"status": "AUTHORIZED" if is_session else "ACSC"}
        return httpx.Response(200, content=json.dumps({**self.said, **status}).encode())

    @property
    def paths(self) -> list[str]:
        return [request.url.raw_path.decode() for request in self.asked]


@pytest.mark.parametrize("odd", ODD_IDS)
async def test_a_bank_of_nextgenpsd2_is_asked_about_an_odd_id_in_its_place(odd: str) -> None:
    recorder, quoted = Recorder(odd), quote(odd, safe="")
    bank = a_direct_bank(httpx.MockTransport(recorder))

    taken = await bank.payments.initiate(a_bank_payment(), DEBTOR, DNB, PSU, REDIRECT_URI)
    await bank.payments.status(PaymentAccess(taken.reference, DNB, PSU))
    request = ConsentRequest(ConsentId("cns_1"), DNB, PSU, REDIRECT_URI, date(2027, 5, 20))
    consent = await bank.accounts.start_consent(request)
    await bank.accounts.consent_state(ConsentAccess(consent.reference, DNB, PSU))
    await bank.accounts.balances(AccountAccess(DNB, consent.reference, odd, PSU, DEBTOR, "NOK"))

    assert recorder.paths[1:4] == [
        f"{PAYMENTS}/{quoted}{end}" for end in ("/status", "/authorisations", f"/authorisations/{quoted}")
    ]
    assert recorder.paths[5:] == [f"/v1/consents/{quoted}", f"/v1/accounts/{quoted}/balances"]
    assert recorder.asked[-1].headers["consent-id"] == (odd if odd.isascii() and odd.isprintable() else quoted)


@pytest.mark.parametrize("odd", ODD_IDS)
async def test_enable_banking_is_asked_about_an_odd_id_in_its_place(odd: str) -> None:
    recorder, quoted = Recorder(odd), quote(odd, safe="")
    bank = an_enable_banking(httpx.MockTransport(recorder))

    taken = await bank.payments.initiate(a_bank_payment(), DEBTOR, DNB, PSU, REDIRECT_URI)
    await bank.payments.status(PaymentAccess(taken.reference, DNB, PSU))
    given = await bank.accounts.complete_consent(ConsentAccess("bank_dnb//", DNB, PSU), {"code": "c"})
    assert given.reference is not None
    await bank.accounts.consent_state(ConsentAccess(given.reference, DNB, PSU))
    found = await bank.accounts.accounts(DNB, given.reference, PSU)

    assert [account.resource_id for account in found.found] == [odd]
    assert recorder.paths[2:] == [
        f"/payments/{quoted}",
        "/sessions",
        f"/sessions/{quoted}",
        f"/accounts/{quoted}/details",
    ]


@pytest.mark.parametrize("dots", [".", ".."])
async def test_dots_alone_are_no_id(dots: str) -> None:
    for build in (a_direct_bank, an_enable_banking):
        recorder = Recorder(dots)
        with pytest.raises(InDoubt):
            await build(httpx.MockTransport(recorder)).payments.initiate(
                a_bank_payment(), DEBTOR, DNB, PSU, REDIRECT_URI
            )
        assert all(request.method == "POST" or "aspsps" in str(request.url) for request in recorder.asked)


@pytest.mark.parametrize("odd", ODD_IDS)
async def test_card_and_identity_vendors_are_asked_about_an_odd_id_in_its_place(odd: str) -> None:
    recorder = Recorder(odd)
    patient = Resilience(timeout_s=10, breaker_failures=1_000, breaker_open_s=0)
    http = httpx.AsyncClient(transport=httpx.MockTransport(recorder))
    stripe = Stripe(
        http, Guard("card_payments", patient, frozenset()), api_key="sk_1", base_url="https://stripe.example"
    )
    cards = StripeCardPayments(stripe, webhook_secret="s", prices={}, clock=MovedClock(NOON))
    identity = SumsubKyc(
        http, Guard("kyc", patient, frozenset()), app_token="t", app_secret="s", webhook_secret="s", level="basic",
        clock=MovedClock(NOON), base_url="https://sumsub.example",
    )  # fmt: skip

    for asking in (cards.retrieve(odd), identity.get_verification_result(odd)):
        with pytest.raises(Unavailable):
            await asking

    of_stripe, of_sumsub = recorder.paths
    assert of_stripe.startswith("/v1/payment_intents/")
    assert of_stripe.partition("?")[0].count("/") == 3
    assert of_sumsub == f"/resources/applicants/{quote(odd, safe='')}/status"
