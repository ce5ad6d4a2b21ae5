"""The fields of an object that change, as JSON for its event's row (`..._fields`), and the object as it was (`..._at`).

A subscriber that resumes sees each version of an object, not its present state several times. What never changes is
taken from the object as it is now. Addresses of approval pages and full account numbers are never part of the fields.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from domain.bank_account import Balance, BalanceType, BankAccount
from domain.card import Card, CardFace, CardFailure, CardStatus
from domain.consent import BankLink, BankLinkEnd, BankLinkStatus
from domain.data_export import DataExport, DataExportStatus
from domain.kyc import Check, CheckKind, CheckResult, Kyc, KycStatus, told, told_check_kinds, told_labels
from domain.money import Money
from domain.payment import CancellationStatus, Failure, Payment, Status, stored_failure
from domain.plan import PlanEnd, PlanStatus, PlanSubscription
from domain.upload import RejectReason, Upload, UploadStatus

Fields = Mapping[str, Any]


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _failure_fields(failure: Failure | None) -> Fields | None:
    return {"code": failure.code, "detail": failure.detail} if failure else None


def _failure(fields: Fields | None) -> Failure | None:
    return stored_failure(fields["code"], fields.get("detail")) if fields else None


def payment_fields(payment: Payment) -> Fields:
    return {
        "status": payment.status,
        "failure": _failure_fields(payment.failure),
        "cancellation_status": payment.cancellation_status,
        "in_doubt": payment.in_doubt,
        "refunded_minor": payment.refunded_minor,
        "returned_minor": payment.returned_minor,
        "returned_on": payment.returned_on.isoformat() if payment.returned_on else None,
        "overdue_since": _text(payment.overdue_since),
        "version": payment.version,
    }


def payment_at(now: Payment, fields: Fields) -> Payment:
    cancellation, returned_on = fields["cancellation_status"], fields.get("returned_on")
    return replace(
        now,
        status=Status(fields["status"]),
        failure=_failure(fields["failure"]),
        cancellation_status=CancellationStatus(cancellation) if cancellation else None,
        in_doubt=fields["in_doubt"],
        refunded_minor=fields.get("refunded_minor", now.refunded_minor),
        returned_minor=fields.get("returned_minor", 0),
        returned_on=date.fromisoformat(returned_on) if returned_on else None,
        overdue_since=_time(fields.get("overdue_since")),
        version=fields["version"],
    )


def kyc_fields(kyc: Kyc) -> Fields:
    """Of what the user may know of the application."""
    kyc = told(kyc)
    return {
        "status": kyc.status,
        "retry_required": kyc.retry_required,
        "can_retry": kyc.can_retry,
        "reject_labels": list(kyc.reject_labels),
        "checks": [{"kind": check.kind, "result": check.result} for check in kyc.checks],
        "started_at": _text(kyc.started_at),
        "reviewed_at": _text(kyc.reviewed_at),
        "version": kyc.version,
    }


def told_kyc_fields(fields: Fields) -> Fields:
    """The fields of an event as the user may know them: older events hold the vendor's words."""
    is_refused = fields["status"] == KycStatus.REJECTED or fields["retry_required"]
    shown = told_check_kinds(fields["reject_labels"], is_refused=is_refused)
    return {
        **fields,
        "reject_labels": told_labels(fields["reject_labels"]),
        "checks": [check for check in fields["checks"] if check["kind"] in shown],
    }


def kyc_at(now: Kyc, fields: Fields) -> Kyc:
    fields = told_kyc_fields(fields)
    return replace(
        now,
        status=KycStatus(fields["status"]),
        retry_required=fields["retry_required"],
        can_retry=fields["can_retry"],
        reject_labels=tuple(fields["reject_labels"]),
        checks=tuple(Check(CheckKind(check["kind"]), CheckResult(check["result"])) for check in fields["checks"]),
        started_at=_time(fields["started_at"]),
        reviewed_at=_time(fields["reviewed_at"]),
        version=fields["version"],
    )


def bank_link_fields(bank_link: BankLink) -> Fields:
    return {
        "status": bank_link.status,
        "expires_at": _text(bank_link.expires_at),
        "ended_because": bank_link.ended_because,
        "unreadable_accounts": bank_link.unreadable_accounts,
        "version": bank_link.version,
    }


def bank_link_at(now: BankLink, fields: Fields) -> BankLink:
    return replace(
        now,
        status=BankLinkStatus(fields["status"]),
        expires_at=_time(fields["expires_at"]),
        ended_because=BankLinkEnd(fields["ended_because"]) if fields["ended_because"] else None,
        unreadable_accounts=fields.get("unreadable_accounts", now.unreadable_accounts),
        version=fields["version"],
    )


def account_fields(account: BankAccount) -> Fields:
    """Of an account with its balances."""
    return {
        "name": account.name,
        "owner_name": account.owner_name,
        "is_available": account.is_available,
        "balance_refreshed_at": _text(account.balance_refreshed_at),
        "version": account.version,
        "unreadable_items": account.unreadable_items,
        "has_whole_statement": account.has_whole_statement,
        "balances": [_balance_fields(balance) for balance in account.balances or ()],
    }


def account_at(now: BankAccount, fields: Fields) -> BankAccount:
    """The account as it was; as it is now where the event is older than these fields."""
    if "balances" not in fields:
        return now
    return replace(
        now,
        name=fields["name"],
        owner_name=fields["owner_name"],
        is_available=fields["is_available"],
        balance_refreshed_at=_time(fields["balance_refreshed_at"]),
        version=fields.get("version", now.version),
        balances=tuple(_balance(balance) for balance in fields["balances"]),
        unreadable_items=fields.get("unreadable_items", now.unreadable_items),
        has_whole_statement=fields.get("has_whole_statement", now.has_whole_statement),
    )


def _balance_fields(balance: Balance) -> Fields:
    amount = balance.amount
    return {
        "type": balance.type,
        "amount_minor": amount.amount_minor,
        "currency": amount.currency,
        "as_of": _text(balance.as_of),
    }


def _balance(fields: Fields) -> Balance:
    amount = Money(fields["amount_minor"], fields["currency"])
    return Balance(BalanceType(fields["type"]), amount, datetime.fromisoformat(fields["as_of"]))


def plan_fields(subscription: PlanSubscription) -> Fields:
    return {
        "status": subscription.status,
        "period_end": _text(subscription.period_end),
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "ended_because": subscription.ended_because,
        "failure": _failure_fields(subscription.failure),
        "watched_until": subscription.watched_until.isoformat() if subscription.watched_until else None,
        "version": subscription.version,
    }


def plan_at(now: PlanSubscription, fields: Fields) -> PlanSubscription:
    ended_because, watched_until = fields["ended_because"], fields.get("watched_until")
    return replace(
        now,
        status=PlanStatus(fields["status"]),
        period_end=_time(fields["period_end"]),
        cancel_at_period_end=fields["cancel_at_period_end"],
        ended_because=PlanEnd(ended_because) if ended_because else None,
        failure=_failure(fields["failure"]),
        watched_until=date.fromisoformat(watched_until) if watched_until else None,
        version=fields["version"],
    )


def upload_fields(upload: Upload) -> Fields:
    return {
        "status": upload.status,
        "reject_reason": upload.reject_reason,
        "stored_at": _text(upload.stored_at),
        "version": upload.version,
    }


def upload_at(now: Upload, fields: Fields) -> Upload:
    reason = fields["reject_reason"]
    return replace(
        now,
        status=UploadStatus(fields["status"]),
        reject_reason=RejectReason(reason) if reason else None,
        stored_at=_time(fields["stored_at"]),
        version=fields["version"],
    )


def export_fields(export: DataExport) -> Fields:
    return {
        "status": export.status,
        "ready_at": _text(export.ready_at),
        "expires_at": _text(export.expires_at),
        "size_bytes": export.size_bytes,
        "version": export.version,
    }


def export_at(now: DataExport, fields: Fields) -> DataExport:
    return replace(
        now,
        status=DataExportStatus(fields["status"]),
        ready_at=_time(fields["ready_at"]),
        expires_at=_time(fields["expires_at"]),
        size_bytes=fields["size_bytes"],
        version=fields["version"],
    )


def card_fields(card: Card) -> Fields:
    face = card.face
    return {
        "status": card.status,
        "face": [face.last4, face.expiry_month, face.expiry_year] if face else None,
        "failure": card.failure,
        "version": card.version,
    }


def card_at(now: Card, fields: Fields) -> Card:
    face, failure = fields["face"], fields.get("failure")
    return replace(
        now,
        status=CardStatus(fields["status"]),
        face=CardFace(*face) if face else None,
        failure=CardFailure(failure) if failure else None,
        version=fields["version"],
    )
