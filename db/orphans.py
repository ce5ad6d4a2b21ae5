"""Rows that are not final and that no job is about: nothing would ever move them on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Table, bindparam, exists, func, literal, literal_column, true
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from db.tables.bank import ConsentRow
from db.tables.card import CardRow
from db.tables.event import WebhookEventRow
from db.tables.file import DataExportRow, UploadRow
from db.tables.job import JobRow
from db.tables.kyc import KycRow
from db.tables.payment import PaymentRow, RefundRow
from db.tables.plan import PlanSubscriptionRow
from db.tables.user import UserRow
from domain.card import CardStatus
from domain.consent import ConsentStatus
from domain.data_export import DataExportStatus
from domain.ids import UserId
from domain.kyc import KycStatus
from domain.payment import FINAL, Rail, Status
from domain.plan import PlanStatus
from domain.refund import RefundStatus
from domain.upload import UploadStatus
from domain.webhook import WebhookStatus


class RowKind(StrEnum):
    """What may wait for a job. A row of a kind is moved on by one type of job."""

    BANK_PAYMENT = "bank payment"
    CARD_PAYMENT = "card payment"
    REFUND = "refund"
    PLAN = "plan"
    CONSENT = "consent"
    KYC = "kyc"
    REQUESTED_EXPORT = "requested export"
    READY_EXPORT = "ready export"
    UPLOAD = "upload"
    CARD = "card"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A row without a job, its owner, and for a refund its payment. A webhook has no owner: the id is empty."""

    id: str
    user_id: UserId
    payment_id: str


def _table(row: type[SQLModel]) -> Table:
    table: Table = row.__table__  # type: ignore[attr-defined]  # set by SQLModel
    return table


_JOB, _PAYMENT, _REFUND = _table(JobRow), _table(PaymentRow), _table(RefundRow)
_NONE: Final = literal("")
_OPEN_PAYMENTS: Final = [status for status in Status if status not in FINAL]
_OPEN_PLANS: Final = [status for status in PlanStatus if status is not PlanStatus.ENDED]


def _is_one_of(status: ColumnElement[str], statuses: Sequence[str]) -> ColumnElement[bool]:
    # Written out: an index of the open rows alone is used only where the statuses are no parameters.
    return status.in_([literal_column(f"'{one}'") for one in statuses])


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The rows of a kind that are not final: which, since when, and whose they are.

    `is_aged` tells those whose age says how long they have waited.
    """

    table: Table
    waits: ColumnElement[bool]
    since: ColumnElement[datetime]
    row_id: ColumnElement[str]
    user_id: ColumnElement[str]
    payment_id: ColumnElement[str] = _NONE
    is_aged: ColumnElement[bool] = field(default_factory=true)

    def orphans(self) -> Select[str, str, str]:
        """What no job is about. What another process starts at this moment is skipped."""
        has_job = exists().where(_JOB.c.row_id == self.row_id)
        query = select(self.row_id, self.user_id, self.payment_id)
        query = query.where(self.waits, self.since < bindparam("before"), ~has_job).order_by(self.row_id)
        return query.limit(bindparam("most")).with_for_update(skip_locked=True, key_share=True, of=self.table)

    def oldest(self, statuses: Sequence[str]) -> Select[str, datetime]:
        """Since when the oldest row of each status has waited."""
        status = self.table.c.status
        asked = self.waits & self.is_aged & _is_one_of(status, statuses)
        return select(status, func.min(self.since)).where(asked).group_by(status)


def _owned(row: type[SQLModel], since: str, *statuses: str) -> _Waiting:
    table = _table(row)
    return _Waiting(table, _is_one_of(table.c.status, statuses), table.c[since], table.c.id, table.c.user_id)


def _payments(rail: Rail) -> _Waiting:
    found = _owned(PaymentRow, "created_at", *_OPEN_PAYMENTS)
    # One that was made for a later day has not waited since it was made.
    is_aged = _PAYMENT.c.scheduled_for.is_(None)
    return replace(found, waits=found.waits & (_PAYMENT.c.rail == rail), is_aged=is_aged)


def _refunds() -> _Waiting:
    waits = _is_one_of(_REFUND.c.status, [RefundStatus.PENDING]) & (_REFUND.c.payment_id == _PAYMENT.c.id)
    return _Waiting(_REFUND, waits, _REFUND.c.created_at, _REFUND.c.id, _PAYMENT.c.user_id, _REFUND.c.payment_id)


def _kyc() -> _Waiting:
    # Its jobs are about the user, who has one application; an approved one is asked about now and then, too.
    # Nobody asks about a user who has left.
    kyc, user = _table(KycRow), _table(UserRow)
    is_open = _is_one_of(kyc.c.status, [KycStatus.PENDING, KycStatus.APPROVED]) & kyc.c.applicant_id.is_not(None)
    waits = is_open & (user.c.id == kyc.c.user_id) & user.c.deleted_at.is_(None)
    return _Waiting(kyc, waits, kyc.c.started_at, kyc.c.user_id, kyc.c.user_id)


def _webhooks() -> _Waiting:
    webhook = _table(WebhookEventRow)
    waits = _is_one_of(webhook.c.status, [WebhookStatus.RECEIVED, WebhookStatus.PARKED])
    return _Waiting(webhook, waits, webhook.c.received_at, webhook.c.id, _NONE)


_WAITING: Final[Mapping[RowKind, _Waiting]] = {
    RowKind.BANK_PAYMENT: _payments(Rail.BANK),
    RowKind.CARD_PAYMENT: _payments(Rail.CARD),
    RowKind.REFUND: _refunds(),
    RowKind.PLAN: _owned(PlanSubscriptionRow, "created_at", *_OPEN_PLANS),
    RowKind.CONSENT: _owned(ConsentRow, "created_at", ConsentStatus.AWAITING_AUTHORISATION, ConsentStatus.ACTIVE),
    RowKind.KYC: _kyc(),
    RowKind.REQUESTED_EXPORT: _owned(DataExportRow, "requested_at", DataExportStatus.REQUESTED),
    RowKind.READY_EXPORT: _owned(DataExportRow, "requested_at", DataExportStatus.READY),
    RowKind.UPLOAD: _owned(UploadRow, "created_at", UploadStatus.PENDING),
    RowKind.CARD: _owned(CardRow, "created_at", CardStatus.REQUESTED),
    RowKind.WEBHOOK: _webhooks(),
}
_ORPHANS: Final = {kind: waiting.orphans() for kind, waiting in _WAITING.items()}


class OrphanQueries:
    """Rows of all users that wait for a job and have none, neither queued nor blocked. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, kind: RowKind, *, before: datetime, most: int) -> list[Orphan]:
        """Up to `most` that have waited since before a time. In a unit of work they are locked until it ends."""
        rows = await self._session.exec(_ORPHANS[kind], params={"before": before, "most": most})
        return [Orphan(row_id, UserId(user_id), payment_id) for row_id, user_id, payment_id in rows]

    async def oldest(self, kind: RowKind, statuses: Sequence[str]) -> dict[str, datetime]:
        """Since when the oldest row of a kind, with a job or without, has waited in each of these statuses."""
        query = _WAITING[kind].oldest(statuses)
        return {status: since for status, since in await self._session.exec(query)}
