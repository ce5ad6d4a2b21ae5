"""Snapshots: an object's fields, stored as JSON and read back, give the object as it was."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import snapshot
from domain.account_number import AccountNumber
from domain.authorisation import SealedAuthorisation
from domain.bank_account import Balance, BalanceType, BankAccount
from domain.card import Card, CardFace, CardStatus, CardType
from domain.consent import BankLink, BankLinkEnd, BankLinkStatus
from domain.data_export import DataExport, DataExportStatus
from domain.ids import (
    AccountId,
    BankId,
    BankLinkId,
    CardholderId,
    CardId,
    DataExportId,
    KycId,
    PaymentId,
    PlanSubscriptionId,
    UploadId,
    UserId,
)
from domain.kyc import Check, CheckKind, CheckResult, Kyc, KycStatus, told
from domain.money import Money
from domain.payment import CancellationStatus, Failure, FailureCode, FailureDetail, Payment, Status
from domain.plan import PlanEnd, PlanStatus, PlanSubscription
from domain.upload import RejectReason, Upload, UploadOrder, UploadPurpose, UploadStatus

Thing = TypeVar("Thing")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KARI = UserId("usr_1")
# As they are now, long after the moment of the snapshot.
PAYMENT = Payment(
    id=PaymentId("pay_1"),
    user_id=KARI,
    vendor="mock",
    amount=Money(100),
    creditor_name="Ola",
    creditor_account=AccountNumber("NO9386011117947", "86011117947"),
    created_at=NOON,
    scheduled_for=date(2026, 12, 1),
    authorisation=SealedAuthorisation("https://bank.example/approve"),
    cancellation_authorisation=SealedAuthorisation("https://bank.example/cancel"),
    client_secret="secret",
    status=Status.SETTLED,
    version=9,
)
KYC = Kyc(KycId("kyc_1"), KARI, "mock", applicant_id="a-1", status=KycStatus.APPROVED, risk_score=15, version=9)
BANK_LINK = BankLink(BankLinkId("con_1"), KARI, BankId("bank_dnb"), "mock", NOON, version=9)
ACCOUNT = BankAccount(
    id=AccountId("acc_1"),
    user_id=KARI,
    bank_link_id=BankLinkId("con_1"),
    bank_id=BankId("bank_dnb"),
    number=AccountNumber("NO9386011117947", "86011117947"),
    currency="NOK",
    name="Brukskonto",
    owner_name="Kari",
    is_available=False,
    balance_refreshed_at=NOON,
)
PLAN = PlanSubscription(
    PlanSubscriptionId("psub_1"), KARI, "plan_plus", "mock", NOON, authorisation_url="https://card.example", version=9
)
UPLOAD = Upload(
    UploadId("upl_1"),
    KARI,
    "mock",
    UploadOrder(UploadPurpose.DOCUMENT, "a.pdf", "application/pdf", 5, "0" * 64),
    "usr_1/1.pdf",
    NOON,
    NOON,
    version=9,
)
EXPORT = DataExport(DataExportId("exp_1"), KARI, "mock", "usr_1/exp_1.zip", NOON, version=9)
CARD = Card(CardId("crd_1"), KARI, CardholderId("chd_1"), "mock", CardType.VIRTUAL, NOON, version=9)

texts = st.text(max_size=20)
versions = st.integers(1, 100)
times = st.none() | st.datetimes(timezones=st.just(UTC))
failures = st.none() | st.builds(Failure, st.sampled_from(FailureCode), st.none() | st.sampled_from(FailureDetail))

payments = st.builds(
    replace,
    st.just(PAYMENT),
    status=st.sampled_from(Status),
    failure=failures,
    cancellation_status=st.none() | st.sampled_from(CancellationStatus),
    in_doubt=st.booleans(),
    overdue_since=times,
    refunded_minor=st.integers(0, 100),
    version=versions,
)
applications = st.builds(
    replace,
    st.just(KYC),
    status=st.sampled_from(KycStatus),
    retry_required=st.booleans(),
    can_retry=st.booleans(),
    reject_labels=st.lists(texts, max_size=3).map(tuple),
    checks=st.lists(st.builds(Check, st.sampled_from(CheckKind), st.sampled_from(CheckResult)), max_size=3).map(tuple),
    started_at=times,
    reviewed_at=times,
    version=versions,
)
bank_links = st.builds(
    replace,
    st.just(BANK_LINK),
    status=st.sampled_from(BankLinkStatus),
    expires_at=times,
    ended_because=st.none() | st.sampled_from(BankLinkEnd),
    version=versions,
)
balances = st.builds(
    Balance,
    st.sampled_from(BalanceType),
    st.builds(Money, st.integers(-(10**9), 10**9)),
    st.datetimes(timezones=st.just(UTC)),
)
accounts = st.builds(
    replace,
    st.just(ACCOUNT),
    name=texts,
    owner_name=texts,
    is_available=st.booleans(),
    balance_refreshed_at=times,
    version=versions,
    balances=st.lists(balances, max_size=2).map(tuple),
)
plans = st.builds(
    replace,
    st.just(PLAN),
    status=st.sampled_from(PlanStatus),
    period_end=times,
    cancel_at_period_end=st.booleans(),
    ended_because=st.none() | st.sampled_from(PlanEnd),
    failure=failures,
    version=versions,
)
uploads = st.builds(
    replace,
    st.just(UPLOAD),
    status=st.sampled_from(UploadStatus),
    reject_reason=st.none() | st.sampled_from(RejectReason),
    stored_at=times,
    version=versions,
)
exports = st.builds(
    replace,
    st.just(EXPORT),
    status=st.sampled_from(DataExportStatus),
    ready_at=times,
    expires_at=times,
    size_bytes=st.none() | st.integers(0),
    version=versions,
)
cards = st.builds(
    replace,
    st.just(CARD),
    status=st.sampled_from(CardStatus),
    face=st.none() | st.builds(CardFace, texts, st.integers(1, 12), st.integers(2026, 2040)),
    version=versions,
)


def read_back(
    then: Thing,
    now: Thing,
    fields_of: Callable[[Thing], snapshot.Fields],
    at: Callable[[Thing, snapshot.Fields], Thing],
) -> Thing:
    return at(now, json.loads(json.dumps(fields_of(then))))


@given(payments)
def test_a_payment(then: Payment) -> None:
    assert read_back(then, PAYMENT, snapshot.payment_fields, snapshot.payment_at) == then


@given(applications)
def test_a_kyc_application_as_far_as_it_is_told(then: Kyc) -> None:
    shown = replace(told(then), risk_score=KYC.risk_score)

    assert read_back(then, KYC, snapshot.kyc_fields, snapshot.kyc_at) == shown


def test_an_older_event_of_a_kyc_application_with_the_vendors_own_reasons_tells_no_more() -> None:
    checks = [{"kind": kind, "result": "FAILED" if kind == "SANCTIONS" else "PASSED"} for kind in CheckKind]
    older = {**snapshot.kyc_fields(KYC), "status": "REJECTED", "reject_labels": ["SANCTIONS", "PEP"], "checks": checks}

    then = snapshot.kyc_at(KYC, json.loads(json.dumps(older)))

    assert (then.reject_labels, then.checks) == (("OTHER",), ())


@given(bank_links)
def test_a_bank_connection(then: BankLink) -> None:
    assert read_back(then, BANK_LINK, snapshot.bank_link_fields, snapshot.bank_link_at) == then


@given(accounts)
def test_an_account(then: BankAccount) -> None:
    assert read_back(then, ACCOUNT, snapshot.account_fields, snapshot.account_at) == then


def test_an_account_of_an_older_event_is_as_it_is_now() -> None:
    assert snapshot.account_at(ACCOUNT, {"balance_refreshed_at": "2026-01-01T00:00:00+00:00"}) == ACCOUNT


@given(plans)
def test_a_plan(then: PlanSubscription) -> None:
    assert read_back(then, PLAN, snapshot.plan_fields, snapshot.plan_at) == then


@given(uploads)
def test_an_upload(then: Upload) -> None:
    assert read_back(then, UPLOAD, snapshot.upload_fields, snapshot.upload_at) == then


@given(exports)
def test_a_data_export(then: DataExport) -> None:
    assert read_back(then, EXPORT, snapshot.export_fields, snapshot.export_at) == then


@given(cards)
def test_a_card(then: Card) -> None:
    assert read_back(then, CARD, snapshot.card_fields, snapshot.card_at) == then


@pytest.mark.parametrize(
    ("thing", "kept"),
    [
        (PAYMENT, snapshot.payment_fields(PAYMENT)),
        (PLAN, snapshot.plan_fields(PLAN)),
        (ACCOUNT, snapshot.account_fields(ACCOUNT)),
        (UPLOAD, snapshot.upload_fields(UPLOAD)),
        (CARD, snapshot.card_fields(CARD)),
    ],
)
def test_pages_secrets_and_account_numbers_are_never_stored(thing: Any, kept: snapshot.Fields) -> None:
    stored = json.dumps(kept)

    assert not re_found(stored, "https://", "secret", "86011117947", "usr_1")
    assert set(kept) < {field.name for field in fields(thing)}


def re_found(text: str, *parts: str) -> list[str]:
    return [part for part in parts if part in text]
