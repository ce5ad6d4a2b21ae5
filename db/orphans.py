"""Rows that are not final and that no job is about: nothing would ever move them on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Date, Table, and_, bindparam, case, exists, func, literal, literal_column, true
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select, SelectOfScalar

from db.tables.bank import ConsentRow
from db.tables.card import CardRow
from db.tables.event import WebhookEventRow
from db.tables.file import DataExportRow, UploadRow
from db.tables.job import JobRow
from db.tables.kyc import KycRow
from db.tables.payment import PaymentRow, RefundRow
from db.tables.plan import PlanSubscriptionRow
from db.tables.provider import ProviderPinRow, VendorMigrationConsentRow, VendorMigrationRow
from db.tables.user import UserRow
from domain.card import CardStatus
from domain.clock import oslo_date
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
    WATCHED_PAYMENT = "watched payment"
    CARD_PAYMENT = "card payment"
    REFUND = "refund"
    PLAN = "plan"
    WATCHED_PLAN = "watched plan"
    CONSENT = "consent"
    KYC = "kyc"
    REQUESTED_EXPORT = "requested export"
    READY_EXPORT = "ready export"
    UPLOAD = "upload"
    CARD = "card"
    WEBHOOK = "webhook"
    VENDOR_MIGRATION = "vendor migration"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A row without a job, its owner, and for a refund its payment.

    Webhooks and vendor migrations have no owner: the id is empty.
    """

    id: str
    user_id: UserId
    payment_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """The orphans among the rows of a page, and the id of the page's last row; None on the last page."""

    orphans: list[Orphan]
    last: str | None


def _table(row: type[SQLModel]) -> Table:
    table: Table = row.__table__  # type: ignore[attr-defined]  # set by SQLModel
    return table


# The status of a vendor migration that an operator has started.
STARTED: Final = "STARTED"
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
    # A kind whose rows have no column of their status has one status, which is written out.
    status: str | None = None

    def page(self) -> Select[str, str, str, bool]:
        """A page of the rows by id, each with whether no job is about it."""
        # No EXISTS: for the value of a column PostgreSQL would read the whole queue into a hash table first.
        job = select(literal(1)).where(_JOB.c.row_id == self.row_id).limit(1).scalar_subquery()
        is_orphan = and_(self.since < bindparam("before"), job.is_(None))
        query = select(self.row_id, self.user_id, self.payment_id, is_orphan)
        query = query.where(self.waits, self.row_id > bindparam("after")).order_by(self.row_id)
        return query.limit(bindparam("most"))

    def locked(self) -> SelectOfScalar[str]:
        """Those of some rows that still wait. What another process starts at this moment is skipped."""
        query = select(self.row_id).where(self.waits, self.row_id.in_(bindparam("ids", expanding=True)))
        return query.with_for_update(skip_locked=True, key_share=True, of=self.table)

    def oldest(self, statuses: Sequence[str]) -> Select[str, datetime]:
        """Since when the oldest row of each status has waited."""
        if self.status is not None:
            only: ColumnElement[str] = literal_column(f"'{self.status}'")
            return select(only, func.min(self.since)).where(self.waits).having(func.count() > 0)
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


def _watched(row: type[SQLModel], *ends: str) -> _Waiting:
    """Rows whose end was inferred, so long as the money may still move: they are looked at once a day."""
    found = _owned(row, "created_at", *ends)
    until = found.table.c.watched_until
    return replace(found, waits=found.waits & (until >= bindparam("today", type_=Date)))


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


def _vendor_migrations() -> _Waiting:
    # Customers who consented and are still with the old vendor wait for a migration that has been started.
    migration, consent, pin = _table(VendorMigrationRow), _table(VendorMigrationConsentRow), _table(ProviderPinRow)
    is_at_old_vendor = (pin.c.port == migration.c.port) & (pin.c.vendor == migration.c.from_vendor)
    is_willing = (consent.c.move_id == migration.c.id) & consent.c.given_at.is_not(None)
    awaited = is_willing, pin.c.user_id == consent.c.user_id, is_at_old_vendor
    is_awaited = exists().where(*awaited)
    first = select(func.min(consent.c.given_at)).where(*awaited).correlate(migration).scalar_subquery()
    # A customer may consent long after the start.
    since = case((first > migration.c.started_at, first), else_=migration.c.started_at)
    waits = migration.c.started_at.is_not(None) & migration.c.stopped_at.is_(None) & is_awaited
    return _Waiting(migration, waits, since, migration.c.id, _NONE, status=STARTED)


_WAITING: Final[Mapping[RowKind, _Waiting]] = {
    RowKind.BANK_PAYMENT: _payments(Rail.BANK),
    RowKind.WATCHED_PAYMENT: _watched(PaymentRow, *(status for status in FINAL if status is not Status.SETTLED)),
    RowKind.CARD_PAYMENT: _payments(Rail.CARD),
    RowKind.REFUND: _refunds(),
    RowKind.PLAN: _owned(PlanSubscriptionRow, "created_at", *_OPEN_PLANS),
    RowKind.WATCHED_PLAN: _watched(PlanSubscriptionRow, PlanStatus.ENDED),
    RowKind.CONSENT: _owned(ConsentRow, "created_at", ConsentStatus.AWAITING_AUTHORISATION, ConsentStatus.ACTIVE),
    RowKind.KYC: _kyc(),
    RowKind.REQUESTED_EXPORT: _owned(DataExportRow, "requested_at", DataExportStatus.REQUESTED),
    RowKind.READY_EXPORT: _owned(DataExportRow, "requested_at", DataExportStatus.READY),
    RowKind.UPLOAD: _owned(UploadRow, "created_at", UploadStatus.PENDING),
    RowKind.CARD: _owned(CardRow, "created_at", CardStatus.REQUESTED),
    RowKind.WEBHOOK: _webhooks(),
    RowKind.VENDOR_MIGRATION: _vendor_migrations(),
}
_PAGES: Final = {kind: waiting.page() for kind, waiting in _WAITING.items()}
_LOCKED: Final = {kind: waiting.locked() for kind, waiting in _WAITING.items()}


class OrphanQueries:
    """Rows of all users that wait for a job and have none, neither queued nor blocked. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, kind: RowKind, *, after: str, before: datetime, most: int) -> Page:
        """The next `most` rows of a kind behind the id `after`, of which those that wait since before a time count.

        The rows that wait may be as many as users, so no statement reads them all.
        """
        values = {"after": after, "before": before, "most": most, "today": oslo_date(before)}
        rows = list(await self._session.exec(_PAGES[kind], params=values))
        orphans = [
            Orphan(row_id, UserId(user_id), payment_id) for row_id, user_id, payment_id, is_one in rows if is_one
        ]
        return Page(orphans, rows[-1][0] if len(rows) == most else None)

    async def still(self, kind: RowKind, orphans: Sequence[Orphan], *, before: datetime) -> list[Orphan]:
        """Those that still wait and have no job. In a unit of work they are locked until it ends."""
        ids = [orphan.id for orphan in orphans]
        locked = set(await self._session.exec(_LOCKED[kind], params={"ids": ids, "today": oslo_date(before)}))
        # A statement of its own, which sees the jobs that another process queued before its locks ended.
        with_job = set(await self._session.exec(select(JobRow.row_id).where(col(JobRow.row_id).in_(locked))))
        return [orphan for orphan in orphans if orphan.id in locked - with_job]

    async def oldest(self, kind: RowKind, statuses: Sequence[str]) -> dict[str, datetime]:
        """Since when the oldest row of a kind, with a job or without, has waited in each of these statuses."""
        query = _WAITING[kind].oldest(statuses)
        return {status: since for status, since in await self._session.exec(query)}
