"""How long the rows of each table are kept: the one place that says so.

The purge (`services/operations/retention.py`), the table of `docs/retention.md` and the test that no table is left out
follow from `RETENTION`. A new table needs one line here, and an index on what it is looked for by.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Table, literal_column
from sqlmodel import SQLModel, col

from db.jobs import PARKED
from db.tables.all import METADATA
from db.tables.audit import AuditAwaitingRow, AuditBaseRow, AuditEventRow, AuditSealRow
from db.tables.bank import (
    AccountReadRow,
    BalanceRow,
    BankAccountRow,
    BankHabitRow,
    BankLinkRow,
    BankReturnRow,
    BankTransactionRow,
    ConsentAccountRow,
    ConsentRow,
    PutAsideRow,
)
from db.tables.card import CardholderRow, CardRow
from db.tables.document import TrustedDocumentRow
from db.tables.event import TraceEventRow, UserEventRow, UserEventSeqRow, WebhookEventRow
from db.tables.file import DataExportRow, UploadRow
from db.tables.job import ClockOffsetRow, JobRow, WorkerHeartbeatRow
from db.tables.kyc import KycRow
from db.tables.ledger import LedgerEntryRow
from db.tables.notification import NotificationRow
from db.tables.operator import OperatorRow
from db.tables.payment import (
    DisputeRow,
    IdempotencyKeyRow,
    PaymentAttemptRow,
    PaymentEventRow,
    PaymentResolutionRow,
    PaymentRow,
    RefundRow,
)
from db.tables.plan import PlanInvoiceRow, PlanSubscriptionRow
from db.tables.provider import ProviderPinRow, VendorMigrationConsentRow, VendorMigrationRow
from db.tables.reconciliation import DifferenceRow
from db.tables.user import LoginAttemptRow, SessionRow, SpentRefreshRow, UserRow
from domain.data_export import DataExportStatus
from domain.plan import PlanStatus
from domain.retention import ByLaw, ForDays, Law, WhileUsed
from domain.trusted_document import NOTED_WITHIN
from domain.upload import UploadStatus

Period = ForDays | ByLaw | WhileUsed


def table_of(row: type[SQLModel]) -> Table:
    """The table whose rows a class stands for."""
    table: Table = row.__table__  # type: ignore[attr-defined]  # set by SQLModel
    return table


@dataclass(frozen=True, slots=True)
class Kept:
    """How long the rows of one table are kept.

    With `since` and `period` a row goes once it is so old: of those that meet `only`, where it is given, and not
    before the rows of `later` that name it are as old. Without them it goes with the row that its foreign key names.
    `with_parent` lets a row go both ways, as `only` does. No row goes while another one still names it.

    `emptied` are columns that are emptied at the same time, also of a row that must stay for others. `few` says why a
    table does not grow, so that its rows are kept. `by_machine` tells times by the machine's clock.
    `in_months`: the audit trail, which goes month by month (`services/operations/audit_trail.py`).
    `in_order`: rows get old in the order of their key, so that no index on `since` is needed.
    """

    row: type[SQLModel]
    since: Any = None
    period: Period | None = None
    only: ColumnElement[bool] | None = None
    what: str = ""
    later: Sequence[Any] = ()
    emptied: Sequence[Any] = ()
    with_parent: bool = False
    in_order: bool = False
    in_months: bool = False
    by_machine: bool = False
    few: str | None = None

    @property
    def table(self) -> Table:
        return table_of(self.row)

    @property
    def goes_with_parent(self) -> bool:
        return self.few is None and (self.since is None or self.only is not None or self.with_parent)


@dataclass(frozen=True, slots=True)
class Emptied:
    """Columns of a row that stays: they are emptied, `since` among them, once `since` is so old."""

    row: type[SQLModel]
    columns: Sequence[Any]
    since: Any
    period: ForDays

    @property
    def table(self) -> Table:
        return table_of(self.row)


def _is_one_of(column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    # Written out: an index of these rows alone is used only where the values are no parameters.
    return col(column).in_([literal_column(f"'{value}'") for value in values])


_PAYMENT: Final = ByLaw((Law.PAYMENT_SERVICES, Law.MONEY_LAUNDERING))
_CUSTOMER: Final = ByLaw((Law.MONEY_LAUNDERING,))
_CONSENT: Final = ByLaw((Law.PAYMENT_SERVICES,))
_ACCOUNTS: Final = ByLaw((Law.BOOKKEEPING,))

RETENTION: Final[Sequence[Kept]] = (
    # A payment goes with all that belongs to it, five years after the last thing that happened to it.
    Kept(
        PaymentRow,
        PaymentRow.created_at,
        _PAYMENT,
        later=(PaymentEventRow.at, RefundRow.updated_at, DisputeRow.created_at, LedgerEntryRow.moved_at),
    ),
    Kept(PaymentEventRow),
    Kept(PaymentAttemptRow),
    Kept(PaymentResolutionRow),
    Kept(RefundRow),
    Kept(DisputeRow),
    Kept(LedgerEntryRow),
    Kept(TraceEventRow, TraceEventRow.at, ForDays(30), in_order=True),
    Kept(IdempotencyKeyRow, IdempotencyKeyRow.created_at, ForDays(30)),
    # A customer goes five years after leaving.
    Kept(UserRow, UserRow.deleted_at, _CUSTOMER, emptied=(UserRow.national_identity_number_encrypted,)),
    Kept(KycRow),
    Kept(BankLinkRow),
    Kept(BankAccountRow),
    Kept(CardholderRow),
    Kept(CardRow),
    Kept(ProviderPinRow),
    Kept(VendorMigrationConsentRow),
    Kept(UserEventSeqRow),
    Kept(ConsentRow, ConsentRow.valid_until, _CONSENT, with_parent=True),
    Kept(ConsentAccountRow),
    Kept(BankReturnRow, BankReturnRow.expires_at, ForDays(1)),
    Kept(
        PlanSubscriptionRow,
        PlanSubscriptionRow.created_at,
        _ACCOUNTS,
        only=_is_one_of(PlanSubscriptionRow.status, [PlanStatus.ENDED]),
        what="ended",
    ),
    Kept(PlanInvoiceRow, PlanInvoiceRow.created_at, _ACCOUNTS),
    # What was read at banks.
    Kept(BankTransactionRow, BankTransactionRow.booking_date, _PAYMENT, with_parent=True),
    Kept(BalanceRow),
    Kept(AccountReadRow, AccountReadRow.at, ForDays(90), with_parent=True),
    Kept(PutAsideRow, PutAsideRow.put_aside_at, ForDays(30), with_parent=True),
    # What has come, gone out and waits.
    Kept(WebhookEventRow, WebhookEventRow.received_at, ForDays(90)),
    Kept(NotificationRow, NotificationRow.created_at, ForDays(90)),
    Kept(UserEventRow, UserEventRow.at, ForDays(30)),
    Kept(JobRow, JobRow.due_at, ForDays(90), only=_is_one_of(JobRow.status, PARKED), what="blocked"),
    Kept(
        UploadRow,
        UploadRow.created_at,
        ForDays(30),
        only=_is_one_of(UploadRow.status, [UploadStatus.REJECTED, UploadStatus.EXPIRED, UploadStatus.DELETED]),
        what="whose file is gone",
    ),
    Kept(
        DataExportRow,
        DataExportRow.requested_at,
        ForDays(90),
        only=_is_one_of(DataExportRow.status, [DataExportStatus.EXPIRED]),
        what="whose file is gone",
    ),
    # Sign-ins, by the machine's clock.
    Kept(LoginAttemptRow, LoginAttemptRow.expires_at, ForDays(1), by_machine=True),
    Kept(SessionRow, SessionRow.expires_at, ForDays(30), by_machine=True),
    Kept(SpentRefreshRow, SpentRefreshRow.spent_at, ForDays(30), with_parent=True, by_machine=True),
    Kept(WorkerHeartbeatRow, WorkerHeartbeatRow.seen_at, ForDays(1), by_machine=True),
    # Whole months of the audit trail go, and the last hash of them stays.
    Kept(AuditEventRow, AuditEventRow.at, _PAYMENT, what="sealed months", in_months=True, by_machine=True),
    Kept(AuditSealRow, AuditSealRow.sealed_at, _PAYMENT, what="whole months", in_months=True, by_machine=True),
    Kept(OperatorRow, few="one row for each operator"),
    Kept(AuditBaseRow, few="one row for each month that was dropped"),
    Kept(AuditAwaitingRow, few="one row for each entry of the last minute"),
    # An app that was not updated sends the documents that it was built with.
    Kept(
        TrustedDocumentRow,
        TrustedDocumentRow.last_used_at,
        WhileUsed("GRAPHQL_DOCUMENTS_KEPT_DAYS", NOTED_WITHIN),
        by_machine=True,
    ),
    Kept(DifferenceRow, DifferenceRow.mended_at, ForDays(90)),
    Kept(BankHabitRow, few="one row for each bank and vendor"),
    Kept(VendorMigrationRow, few="one row for each migration between vendors"),
    Kept(ClockOffsetRow, few="one row"),
)


# An address that somebody has given, and whose code never came back, may be a stranger's.
EMPTIED: Final[Sequence[Emptied]] = (
    Emptied(UserRow, (UserRow.pending_contacts, UserRow.pending_until), UserRow.pending_until, ForDays(1)),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A column of one table that names the rows of another by their only key."""

    child: Table
    column: Column[Any]
    parent: Table


def _links() -> Iterator[Link]:
    for table in METADATA.sorted_tables:
        for key in table.foreign_keys:
            yield Link(table, table.c[key.parent.name], key.column.table)


LINKS: Final[Sequence[Link]] = tuple(_links())


def links_to(table: Table) -> list[Link]:
    """What names the rows of a table."""
    return [link for link in LINKS if link.parent is table]


def kept(table: Table) -> Kept:
    """What is declared of a table. Raises KeyError of one that was left out."""
    return kept_of(table.name)


def kept_of(table: str) -> Kept:
    """What is declared of the table of this name. Raises KeyError of one that was left out."""
    return _BY_TABLE[table]


_BY_TABLE: Final = {one.table.name: one for one in RETENTION}


def of_their_own_time() -> list[Kept]:
    """The tables whose rows go by their own age, those first whose rows name others."""
    order = [table.name for table in METADATA.sorted_tables]
    own = [one for one in RETENTION if one.since is not None and not one.in_months]
    return sorted(own, key=lambda one: -order.index(one.table.name))


def described() -> str:
    """The table of docs/retention.md."""
    lines = ["| table | kept | because |", "| --- | --- | --- |"]
    for one in sorted(RETENTION, key=lambda one: one.table.name):
        laws = one.period.laws if isinstance(one.period, ByLaw) else ()
        lines.append(f"| `{one.table.name}` | {_how_long(one)} | {', '.join(laws) or '-'} |")
    return "\n".join(lines) + "\n"


def _how_long(one: Kept) -> str:
    if one.few is not None:
        return f"for good: {one.few}"
    parents = sorted({link.parent.name for link in LINKS if link.child is one.table})
    ways = []
    if one.since is not None:
        which = f"{one.what}: " if one.what else ""
        preposition = "of" if str(one.period).endswith("year") else "after"
        last = "".join(f", `{table_of(column.class_).name}.{column.key}`" for column in one.later)
        ways.append(f"{which}{one.period} {preposition} {'the last of ' if last else ''}`{one.since.key}`{last}")
    if one.goes_with_parent and parents:
        ways.append("with its " + " or ".join(f"`{parent}`" for parent in parents))
    for emptied in EMPTIED:
        if emptied.table is one.table:
            columns = ", ".join(f"`{column.key}`" for column in emptied.columns if column is not emptied.since)
            ways.append(f"{columns}: {emptied.period} after `{emptied.since.key}`")
    return "; ".join(ways)
