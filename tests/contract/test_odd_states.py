"""Any JSON in the place of a field that an answer can do without leaves the answer's status as it is, at each vendor.

Held for each reader of consents, payments and approvals.
"""

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from domain.account_number import parse_account_number
from domain.device import Device
from domain.errors import InDoubt, Unavailable
from domain.ids import BankId, ConsentId
from providers.calling.guard import Guard, Resilience
from providers.open_banking import direct_banks, enable_banking
from providers.open_banking.bank_notification import NotificationAddress
from providers.open_banking.enable_banking_client import Application, EnableBankingClient
from providers.open_banking.enable_banking_payments import EnableBankingPayments
from providers.open_banking.enable_banking_webhook import WebhookKeys
from providers.open_banking.port import (
    BankAdapters,
    ConsentAccess,
    ConsentRequest,
    ConsentState,
    NotApprovable,
    PaymentAccess,
    PaymentState,
    Psu,
    StartedConsent,
)
from providers.open_banking.xs2a import Xs2aAccounts
from tests.builders.sandbox import MovedClock
from tests.contract.banks import CALLBACK, HOOK
from tests.contract.conftest import NOON
from tests.contract.test_odd_items import JSON
from tests.contract.test_payment_initiation import a_bank_payment
from tests.vendors.enable_banking import APP_ID, OUR_KEY

DNB = BankId("bank_dnb")
PSU = Psu(None, Device("192.0.2.1", "Phone/1"))
HOST = "https://api.dnb.no"
REDIRECT_URI = f"{CALLBACK}?state=s"
DEBTOR = parse_account_number("86011117947")
_PEM = OUR_KEY.as_pem(private=True).decode()
Answers = Mapping[str, Any]


# No call of these is repeated, and no breaker opens: one odd answer after the other is read by the same adapters.
PATIENT = Resilience(timeout_s=10, breaker_failures=1_000_000, breaker_open_s=0)


def answering(answers: Answers) -> httpx.MockTransport:
    """Answers by method and path, each with 200 unless it names its status; 404 to what it has no answer for."""

    def answered(request: httpx.Request) -> httpx.Response:
        found = answers.get(f"{request.method} {request.url.raw_path.decode().partition('?')[0]}", (404, {}))
        status, document = found if isinstance(found, tuple) else (200, found)
        content = json.dumps(document).encode()
        return httpx.Response(status, content=content, headers={"content-type": "application/json"})

    return httpx.MockTransport(answered)


def a_direct_bank(transport: httpx.MockTransport) -> BankAdapters:
    guard = Guard("open_banking", PATIENT, frozenset(), vendor="direct")
    notifications = NotificationAddress(HOOK, "secret")
    clock, http = MovedClock(NOON), httpx.AsyncClient(transport=transport)
    client = direct_banks.DirectBanks(http, {DNB: HOST}, guard, notifications=notifications)
    payments = direct_banks.DirectPayments(client, webhook_secret="secret", clock=clock)
    return BankAdapters(Xs2aAccounts(client, clock=clock), payments)


def an_enable_banking(transport: httpx.MockTransport) -> BankAdapters:
    clock, http = MovedClock(NOON), httpx.AsyncClient(transport=transport)
    guard = Guard("open_banking", PATIENT, frozenset(), vendor="enable_banking")
    application = Application(APP_ID, _PEM, CALLBACK, HOOK)
    client = EnableBankingClient(http, guard, application, clock=clock, api_url=HOST)
    keys = WebhookKeys(http, guard, is_theirs=lambda url: True)
    accounts = enable_banking.EnableBankingAccounts(client, clock=clock)
    return BankAdapters(accounts, EnableBankingPayments(client, keys, clock=clock))


def access(reference: str) -> PaymentAccess:
    return PaymentAccess(reference, DNB, PSU)


def of_payment(state: PaymentState) -> object:
    return state.status, state.reference


def of_started(started: StartedConsent) -> object:
    return started.reference, started.needs_approval


def of_consent(state: ConsentState) -> object:
    return state.status, state.reference


async def initiated(bank: BankAdapters) -> object:
    payment = a_bank_payment()
    return of_payment(await bank.payments.initiate(payment, payment.creditor_account, DNB, PSU, REDIRECT_URI))


async def started(bank: BankAdapters) -> object:
    request = ConsentRequest(ConsentId("cns_1"), DNB, PSU, REDIRECT_URI, date(2027, 5, 20))
    return of_started(await bank.accounts.start_consent(request))


def status_of(reference: str) -> Callable[[BankAdapters], Awaitable[object]]:
    async def read(bank: BankAdapters) -> object:
        return of_payment(await bank.payments.status(access(reference)))

    return read


def authorised(reference: str) -> Callable[[BankAdapters], Awaitable[object]]:
    async def begin(bank: BankAdapters) -> object:
        return of_payment(await bank.payments.authorise(access(reference), REDIRECT_URI))

    return begin


async def cancelled(bank: BankAdapters) -> object:
    cancelling = await bank.payments.cancel(access(PAYMENT), REDIRECT_URI)
    return cancelling.is_cancelled, cancelling.is_possible


async def cancellation(bank: BankAdapters) -> object:
    return (await bank.payments.cancellation_state(access(PAYMENT))).is_refused


def consent_state(reference: str) -> Callable[[BankAdapters], Awaitable[object]]:
    async def read(bank: BankAdapters) -> object:
        return of_consent(await bank.accounts.consent_state(ConsentAccess(reference, DNB, PSU)))

    return read


def completed(reference: str) -> Callable[[BankAdapters], Awaitable[object]]:
    async def complete(bank: BankAdapters) -> object:
        return of_consent(await bank.accounts.complete_consent(ConsentAccess(reference, DNB, PSU), {"code": "c"}))

    return complete


PAYMENT = "DNBANOKK/p-1/a-1"
PAYMENTS = "/v1/payments/norwegian-domestic-credit-transfers"
PATH = f"{PAYMENTS}/p-1"
MESSAGES = [{"category": "WARNING", "code": "CREDITOR_ACCOUNT_FLAGGED", "text": "Look"}]
PUSH = {"authenticationType": "PUSH_OTP", "authenticationMethodId": "app", "name": "BankID"}
APPROVAL = {
    "scaStatus": "received",
    "authorisationId": "a-1",
    "scaMethods": [PUSH],
    "chosenScaMethod": PUSH,
    "challengeData": {"data": ["12"], "image": "aaaa"},
    "psuMessage": "Open your app",
    "tppMessages": MESSAGES,
    "_links": {"scaRedirect": {"href": f"{HOST}/page"}, "scaStatus": {"href": "/a-1"}},
}
TAKEN = {**APPROVAL, "transactionStatus": "RCVD", "paymentId": "p-1"}
CONSENT = {**APPROVAL, "consentStatus": "received", "consentId": "c-1", "validUntil": "2027-02-01"}
CANCEL = f"{PATH}/cancellation-authorisations"
BANK = {
    "name": "DNB",
    "country": "NO",
    "bic": "DNBANOKK",
    "maximum_consent_validity": 86_400 * 90,
    "auth_methods": [{"name": "BankID", "psu_type": "personal", "approach": "REDIRECT", "hidden_method": False}],
    "required_psu_headers": ["Psu-Ip-Address"],
    "payments": [
        {
            "payment_type": "DOMESTIC",
            "allowed_auth_methods": ["BankID"],
            "final_successful_statuses": ["ACSC"],
        }
    ],
}
ASPSPS = {"aspsps": [BANK]}
AT_EB = {
    "payment_id": "p-1",
    "status": "ACSP",
    "final_status": False,
    "status_reason_information": {"status_reason_code": "AC01"},
    "payment_details": {"credit_transfer_transaction": [{"requested_execution_date": "2026-11-24"}]},
    "aspsp": {"name": "DNB", "country": "NO"},
    "url": f"{HOST}/page",
}
SESSION = {
    "session_id": "s-1",
    "accounts": [{"uid": "u-1"}],
    "access": {"valid_until": "2027-02-01T12:00:00+00:00"},
}


@dataclass(frozen=True)
class Reader:
    """A call, the answers that it needs, which of them is made odd, and in which fields alone its answer lies."""

    build: Callable[[httpx.MockTransport], BankAdapters]
    call: Callable[[BankAdapters], Awaitable[object]]
    answers: Answers
    odd: str
    needed: frozenset[str] = frozenset()
    decides: frozenset[str] = frozenset()


READERS = {
    "xs2a initiation": Reader(
        a_direct_bank, initiated, {f"POST {PAYMENTS}": TAKEN}, f"POST {PAYMENTS}", frozenset({"paymentId"}),
        # The links name the approval, the methods how it goes on, and a rejection is told by its word alone.
        decides=frozenset({"_links", "chosenScaMethod", "scaMethods", "scaStatus", "transactionStatus"}),
    ),
    "xs2a status": Reader(
        a_direct_bank, status_of(PAYMENT),
        {f"GET {PATH}/status": {"transactionStatus": "ACSC", "tppMessages": MESSAGES, "fundsAvailable": True},
         f"GET {PATH}/authorisations/a-1": APPROVAL},
        f"GET {PATH}/status", frozenset({"transactionStatus"}),
    ),
    "xs2a approval of what is carried out": Reader(
        a_direct_bank, status_of(PAYMENT),
        {f"GET {PATH}/status": {"transactionStatus": "ACSC"}, f"GET {PATH}/authorisations/a-1": APPROVAL},
        f"GET {PATH}/authorisations/a-1",
    ),
    "xs2a approval of what waits": Reader(
        a_direct_bank, status_of(PAYMENT),
        {f"GET {PATH}/status": {"transactionStatus": "RCVD"}, f"GET {PATH}/authorisations/a-1": APPROVAL},
        f"GET {PATH}/authorisations/a-1",
    ),
    "xs2a list of approvals": Reader(
        a_direct_bank, status_of("DNBANOKK/p-1/"),
        {f"GET {PATH}/status": {"transactionStatus": "ACSC"},
         f"GET {PATH}/authorisations": {"authorisationIds": ["a-1"]},
         f"GET {PATH}/authorisations/a-1": {"scaStatus": "finalised"}},
        f"GET {PATH}/authorisations",
    ),
    "xs2a approval that is begun": Reader(
        a_direct_bank, authorised("DNBANOKK/p-1/"),
        {f"POST {PATH}/authorisations": APPROVAL, f"GET {PATH}/authorisations": {"authorisationIds": ["a-1"]},
         f"GET {PATH}/authorisations/a-1": APPROVAL},
        f"POST {PATH}/authorisations", decides=frozenset({"_links", "authorisationId"}),
    ),
    "xs2a cancellation": Reader(
        a_direct_bank, cancelled,
        {f"DELETE {PATH}": (202, APPROVAL), f"POST {CANCEL}": APPROVAL, f"GET {CANCEL}/a-1": APPROVAL},
        f"DELETE {PATH}", decides=frozenset({"_links"}),
    ),
    "xs2a cancellation that is begun": Reader(
        a_direct_bank, cancelled,
        {f"DELETE {PATH}": (202, {}), f"POST {CANCEL}": APPROVAL,
         f"GET {CANCEL}": {"cancellationIds": ["a-1"]}, f"GET {CANCEL}/a-1": APPROVAL},
        f"POST {CANCEL}", decides=frozenset({"_links", "authorisationId"}),
    ),
    "xs2a approval of a cancellation": Reader(
        a_direct_bank, cancellation,
        {f"GET {CANCEL}": {"cancellationIds": ["a-1"]}, f"GET {CANCEL}/a-1": APPROVAL}, f"GET {CANCEL}/a-1",
    ),
    "xs2a consent": Reader(
        a_direct_bank, started, {"POST /v1/consents": CONSENT}, "POST /v1/consents", frozenset({"consentId"}),
        decides=frozenset({"_links", "chosenScaMethod", "scaMethods", "scaStatus", "consentStatus"}),
    ),
    "xs2a consent's state": Reader(
        a_direct_bank, consent_state("DNBANOKK/c-1/"),
        {"GET /v1/consents/c-1": {"consentStatus": "valid", "validUntil": "2027-02-01", "frequencyPerDay": 4}},
        "GET /v1/consents/c-1", frozenset({"consentStatus"}),
    ),
    "enable banking initiation": Reader(
        an_enable_banking, initiated, {"POST /payments": {**AT_EB, "status": "RCVD"}}, "POST /payments",
        frozenset({"payment_id"}),
    ),
    "enable banking status": Reader(
        an_enable_banking, status_of("p-1"), {"GET /payments/p-1": AT_EB}, "GET /payments/p-1", frozenset({"status"}),
        decides=frozenset({"final_status"}),
    ),
    "enable banking rejection": Reader(
        an_enable_banking, status_of("p-1"), {"GET /payments/p-1": {**AT_EB, "status": "RJCT"}}, "GET /payments/p-1",
        frozenset({"status"}), decides=frozenset({"final_status"}),
    ),
    "enable banking last report": Reader(
        an_enable_banking, status_of("p-1"),
        {"GET /payments/p-1": {**AT_EB, "status": "ACSP", "final_status": True}}, "GET /payments/p-1",
        frozenset({"status"}), decides=frozenset({"final_status"}),
    ),
    "enable banking session": Reader(
        an_enable_banking, completed("bank_dnb//"), {"POST /sessions": SESSION}, "POST /sessions",
        frozenset({"session_id"}), decides=frozenset({"accounts"}),
    ),
    "enable banking session's state": Reader(
        an_enable_banking, consent_state("bank_dnb/s-1/u-1"),
        {"GET /sessions/s-1": {**SESSION, "status": "AUTHORIZED"}}, "GET /sessions/s-1", frozenset({"status"}),
    ),
}  # fmt: skip


class Stage:
    """The adapters of a reader, before answers that can be changed."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.answers: dict[str, Any] = {"GET /aspsps": ASPSPS, **reader.answers}
        self.bank = reader.build(answering(self.answers))
        self.runner = asyncio.Runner()

    def result_of(self, odd: object) -> object:
        """What the call gives with that answer in the place of the usual one; the name of a typed error."""
        usual = self.reader.answers[self.reader.odd]
        self.answers[self.reader.odd] = (usual[0], odd) if isinstance(usual, tuple) else odd
        try:
            return self.runner.run(self._called())
        except (Unavailable, InDoubt, NotApprovable) as error:
            return type(error).__name__

    async def _called(self) -> object:
        return await self.reader.call(self.bank)


@pytest.fixture(scope="module", params=READERS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    found = Stage(READERS[request.param])
    with found.runner:
        yield found


def usual_of(reader: Reader) -> dict[str, Any]:
    usual = reader.answers[reader.odd]
    found: dict[str, Any] = usual[1] if isinstance(usual, tuple) else usual
    return found


def places_in(value: object, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The places of a document's fields, outermost first."""
    parts: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value))
    return [place for name, part in parts for place in ((*here, name), *places_in(part, (*here, name)))]


def with_odd(document: dict[str, Any], place: tuple[str | int, ...], odd: object) -> dict[str, Any]:
    changed: Any = copy.deepcopy(document)
    part = changed
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = odd
    found: dict[str, Any] = changed
    return found


@settings(max_examples=30, deadline=None)
@given(data=st.data(), odd=JSON)
def test_any_json_in_a_field_leaves_the_status(stage: Stage, data: st.DataObject, odd: object) -> None:
    reader, usual = stage.reader, usual_of(stage.reader)
    places = [place for place in places_in(usual) if place[0] not in reader.needed | reader.decides]
    if not places:
        return

    result = stage.result_of(with_odd(usual, data.draw(st.sampled_from(places)), odd))

    assert result == stage.result_of(usual)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), odd=JSON)
def test_any_json_as_an_answer_raises_nothing_but_the_ports_errors(
    stage: Stage, data: st.DataObject, odd: object
) -> None:
    name = data.draw(st.sampled_from([None, *usual_of(stage.reader)]))

    stage.result_of(odd if name is None else {**usual_of(stage.reader), name: odd})


WARNED = [name for name, reader in READERS.items() if "tppMessages" in str(reader.answers[reader.odd])]


@pytest.mark.parametrize("name", WARNED)
def test_what_a_bank_warns_of_beside_any_answer_is_counted_and_logged_by_its_code(name: str) -> None:
    stage, labels = Stage(READERS[name]), {"bank": "bank_dnb", "code": "CREDITOR_ACCOUNT_FLAGGED"}
    before = REGISTRY.get_sample_value("drop_bank_warnings_total", labels) or 0

    with stage.runner, capture_logs() as logs:
        stage.result_of(usual_of(stage.reader))

    noted = [log["code"] for log in logs if log["event"] == "bank_warns"]
    assert set(noted) == {"CREDITOR_ACCOUNT_FLAGGED"}
    assert REGISTRY.get_sample_value("drop_bank_warnings_total", labels) == before + len(noted)
