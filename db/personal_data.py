"""Everything that is held about a user, table by table: what an export shows and what deleting the account removes."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, delete, or_, select, update
from sqlmodel import SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from db.sealed import fields_of, opened_row
from db.tables.audit import AuditEventRow
from db.tables.bank import (
    AccountReadRow,
    BalanceRow,
    BankAccountRow,
    BankLinkRow,
    BankReturnRow,
    BankTransactionRow,
    ConsentAccountRow,
    ConsentRow,
    PutAsideRow,
)
from db.tables.card import CardholderRow, CardRow
from db.tables.event import TraceEventRow, UserEventRow, UserEventSeqRow, WebhookEventRow
from db.tables.file import DataExportRow, UploadRow
from db.tables.kyc import KycRow
from db.tables.ledger import LedgerEntryRow
from db.tables.notification import NotificationRow
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
from db.tables.provider import ProviderPinRow, VendorMigrationConsentRow
from db.tables.user import LoginAttemptRow, SessionRow, SpentRefreshRow, UserRow
from db.told_rows import Row, as_it_is, told_audit, told_event, told_kyc, told_user, unpacked_timeline
from domain.ids import UserId

Belongs = Callable[[UserId], ColumnElement[bool]]
Telling = Callable[[Row], Sequence[Row]]
# How many rows of a table an export holds in memory at once.
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Holding:
    """The rows of one table that belong to a user.

    `hidden` columns are left out of exports: secrets, and internal values. `told` gives what is shown of a row.

    Rows with `stays` survive the deletion of the account: the law wants them kept, or rows that it wants kept need
    them. Texts that no law wants are `blanked` in them.
    """

    row: type[SQLModel]
    belongs: Belongs
    stays: bool = False
    blanked: frozenset[str] = field(default_factory=frozenset)
    hidden: frozenset[str] = field(default_factory=frozenset)
    told: Telling = as_it_is

    @property
    def table(self) -> Table:
        table: Table = self.row.__table__  # type: ignore[attr-defined]  # set by SQLModel
        return table


@dataclass(frozen=True, slots=True)
class RowsPage:
    """Some rows of a table as JSON values, and how many more there were that cannot be read."""

    rows: Sequence[Mapping[str, Any]]
    odd: int


def _own(row: type[Any]) -> Belongs:
    return lambda user_id: col(row.user_id) == user_id


def _under(child: Any, parent: type[Any]) -> Belongs:
    return lambda user_id: col(child).in_(select(parent.id).where(col(parent.user_id) == user_id))


def _moved_for(user_id: UserId) -> ColumnElement[bool]:
    payments = select(col(PaymentRow.id)).where(col(PaymentRow.user_id) == user_id)
    plans = select(col(PlanSubscriptionRow.id)).where(col(PlanSubscriptionRow.user_id) == user_id)
    invoices = select(col(PlanInvoiceRow.id)).where(col(PlanInvoiceRow.subscription_id).in_(plans))
    return or_(col(LedgerEntryRow.payment_id).in_(payments), col(LedgerEntryRow.plan_invoice_id).in_(invoices))


_RETURNS = frozenset(
    {
        "state_hash",
        "return_to",
        "authorisation_url",
        "authorisation_encrypted",
        "cancellation_url",
        "cancellation_encrypted",
        "client_secret",
        "device_encrypted",
    }
)
# What is told of its body is for its vendor's module to say: an export must name it.
WEBHOOKS: Final = Holding(
    WebhookEventRow, _own(WebhookEventRow), hidden=frozenset({"event_key", "outcome", "attempts"})
)
# From the leaves to the root, so that rows can be removed in this order.
HOLDINGS: Sequence[Holding] = (
    # What the user allowed at banks is evidence of what was read there.
    Holding(ConsentAccountRow, _under(ConsentAccountRow.consent_id, ConsentRow), stays=True),
    Holding(ConsentRow, _own(ConsentRow), stays=True, hidden=_RETURNS),
    Holding(BankReturnRow, _own(BankReturnRow), hidden=frozenset({"token_hash", "query_encrypted"})),
    Holding(BalanceRow, _under(BalanceRow.account_id, BankAccountRow)),
    Holding(
        PutAsideRow,
        _under(PutAsideRow.bank_link_id, BankLinkRow),
        hidden=frozenset({"content_encrypted", "digest"}),
    ),
    Holding(
        BankTransactionRow,
        _under(BankTransactionRow.account_id, BankAccountRow),
        hidden=frozenset({"search_text"}),
    ),
    Holding(AccountReadRow, _under(AccountReadRow.bank_link_id, BankLinkRow)),
    Holding(TraceEventRow, _under(TraceEventRow.payment_id, PaymentRow), told=unpacked_timeline),
    Holding(LedgerEntryRow, _moved_for, stays=True),
    Holding(RefundRow, _under(RefundRow.payment_id, PaymentRow), stays=True),
    Holding(DisputeRow, _under(DisputeRow.payment_id, PaymentRow), stays=True),
    Holding(
        PaymentAttemptRow,
        _under(PaymentAttemptRow.payment_id, PaymentRow),
        stays=True,
        hidden=frozenset({"return_url"}),
    ),
    Holding(PaymentEventRow, _under(PaymentEventRow.payment_id, PaymentRow), stays=True),
    # What operators think of it is theirs until it counts, and then a step of its history.
    Holding(
        PaymentResolutionRow,
        _under(PaymentResolutionRow.payment_id, PaymentRow),
        stays=True,
        hidden=frozenset({"reason", "proposed_by"}),
    ),
    Holding(PaymentRow, _own(PaymentRow), stays=True, hidden=_RETURNS | {"search_text"}),
    Holding(PlanInvoiceRow, _under(PlanInvoiceRow.subscription_id, PlanSubscriptionRow), stays=True),
    Holding(PlanSubscriptionRow, _own(PlanSubscriptionRow), stays=True, hidden=_RETURNS | {"return_url"}),
    # Payments, which are kept, name the account that paid and its bank link.
    Holding(BankAccountRow, _own(BankAccountRow), stays=True, blanked=frozenset({"name", "owner_name"})),
    Holding(BankLinkRow, _own(BankLinkRow), stays=True),
    Holding(KycRow, _own(KycRow), stays=True, hidden=frozenset({"risk_score"}), told=told_kyc),
    Holding(CardRow, _own(CardRow)),
    Holding(CardholderRow, _own(CardholderRow)),
    Holding(UploadRow, _own(UploadRow)),
    Holding(DataExportRow, _own(DataExportRow)),
    Holding(NotificationRow, _own(NotificationRow), hidden=frozenset({"number_hash"})),
    Holding(IdempotencyKeyRow, _own(IdempotencyKeyRow), hidden=frozenset({"fingerprint"})),
    Holding(ProviderPinRow, _own(ProviderPinRow)),
    Holding(VendorMigrationConsentRow, _own(VendorMigrationConsentRow)),
    Holding(SpentRefreshRow, _under(SpentRefreshRow.session_id, SessionRow), hidden=frozenset({"refresh_hash"})),
    Holding(
        SessionRow,
        _own(SessionRow),
        hidden=frozenset({"token_hash", "refresh_hash", "previous_refresh_hash", "id_token_encrypted"}),
    ),
    Holding(
        LoginAttemptRow,
        _own(LoginAttemptRow),
        hidden=frozenset(
            {
                *("state_hash", "browser_hash", "nonce", "code_verifier", "code_hash"),
                *("app_state", "app_code_challenge", "id_token_encrypted"),
            }
        ),
    ),
    Holding(UserEventRow, _own(UserEventRow), told=told_event),
    Holding(UserEventSeqRow, _own(UserEventSeqRow), stays=True),
    WEBHOOKS,
    Holding(AuditEventRow, _own(AuditEventRow), stays=True, hidden=frozenset({"operator"}), told=told_audit),
    Holding(
        UserRow,
        lambda user_id: col(UserRow.id) == user_id,
        stays=True,
        hidden=frozenset({"national_identity_number_encrypted", "national_identity_number_hash", "pending_until"}),
        told=told_user,
    ),
)
# What stays in the row of a deleted user. Every other column is emptied: a new column must not outlive the account.
_KEPT_OF_USER: Final = frozenset({"id", "created_at", "national_identity_number_encrypted"})


class PersonalDataQueries:
    """All rows of one user, in every table. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def pages(self, user_id: UserId, holding: Holding, told: Telling) -> AsyncGenerator[RowsPage]:
        """The user's rows of a table by their key, without hidden columns. Close it: the database goes on reading.

        `told` gives what is shown of a row: the holding's own, or another one's where it must know more.
        """
        connection, fields = await self._session.connection(), fields_of(self._session)
        columns = [column for column in holding.table.columns if column.name not in holding.hidden]
        query = select(*columns).where(holding.belongs(user_id)).order_by(*holding.table.primary_key)
        async with connection.stream(query.execution_options(yield_per=_AT_ONCE)) as found:
            async for rows in found.mappings().partitions():
                yield _page_of([partial(opened_row, fields, holding.table, dict(row)) for row in rows], told)

    async def forget(self, user_id: UserId, at: datetime, name: str) -> None:
        """Delete the rows that no law keeps, and what ties the user's row to the person.

        A later login of the same person makes a new user.
        """
        connection = await self._session.connection()
        for holding in HOLDINGS:
            if not holding.stays:
                await connection.execute(delete(holding.table).where(holding.belongs(user_id)))
            elif holding.blanked:
                blank = dict.fromkeys(holding.blanked, "")
                await connection.execute(update(holding.table).where(holding.belongs(user_id)).values(blank))
        emptied = {column: None for column in UserRow.model_fields if column not in _KEPT_OF_USER}
        values = {**emptied, "issuer": "deleted", "subject": user_id, "name": name, "deleted_at": at}
        await connection.execute(update(UserRow).where(col(UserRow.id) == user_id).values(**values))


def _page_of(rows: Sequence[Callable[[], Row]], told_of: Telling) -> RowsPage:
    told, odd = list[Mapping[str, Any]](), 0
    for row in rows:
        try:
            told += [{name: _json(value) for name, value in shown.items()} for shown in told_of(row())]
        except (ValueError, KeyError, TypeError, AttributeError):
            odd += 1
    return RowsPage(told, odd)


def _json(value: Any) -> Any:
    """Raises TypeError for what is no JSON, such as packed bytes."""
    if isinstance(value, bytes):
        raise TypeError
    return value.isoformat() if isinstance(value, datetime | date) else value
