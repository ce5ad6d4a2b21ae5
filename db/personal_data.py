"""Everything that is held about a user, table by table: what an export shows and what deleting the account removes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, delete, select, update
from sqlmodel import SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from db.tables.bank import (
    AccountReadRow,
    BalanceRow,
    BankAccountRow,
    BankLinkRow,
    BankTransactionRow,
    ConsentAccountRow,
    ConsentRow,
    PutAsideRow,
)
from db.tables.card import CardholderRow, CardRow
from db.tables.event import AuditEventRow, TraceEventRow, UserEventRow, UserEventSeqRow
from db.tables.file import DataExportRow, UploadRow
from db.tables.kyc import KycRow
from db.tables.notification import NotificationRow
from db.tables.payment import (
    DisputeRow,
    IdempotencyKeyRow,
    PaymentAttemptRow,
    PaymentEventRow,
    PaymentRow,
    RefundRow,
)
from db.tables.plan import PlanInvoiceRow, PlanSubscriptionRow
from db.tables.provider import ProviderPinRow, VendorMigrationConsentRow
from db.tables.user import LoginAttemptRow, SessionRow, SpentRefreshRow, UserRow
from domain.ids import UserId

Belongs = Callable[[UserId], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Holding:
    """The rows of one table that belong to a user.

    `hidden` columns are left out of exports: secrets, and internal values.

    Rows with `stays` survive the deletion of the account: the law wants them kept, or rows that it wants kept need
    them.
    """

    row: type[SQLModel]
    belongs: Belongs
    stays: bool = False
    hidden: frozenset[str] = field(default_factory=frozenset)

    @property
    def table(self) -> Table:
        table: Table = self.row.__table__  # type: ignore[attr-defined]  # set by SQLModel
        return table


def _own(row: type[Any]) -> Belongs:
    return lambda user_id: col(row.user_id) == user_id


def _under(child: Any, parent: type[Any]) -> Belongs:
    return lambda user_id: col(child).in_(select(parent.id).where(col(parent.user_id) == user_id))


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
# From the leaves to the root, so that rows can be removed in this order.
HOLDINGS: Sequence[Holding] = (
    Holding(ConsentAccountRow, _under(ConsentAccountRow.consent_id, ConsentRow)),
    Holding(ConsentRow, _own(ConsentRow), hidden=_RETURNS),
    Holding(BalanceRow, _under(BalanceRow.account_id, BankAccountRow)),
    Holding(
        PutAsideRow,
        _under(PutAsideRow.bank_link_id, BankLinkRow),
        hidden=frozenset({"content_encrypted", "digest"}),
    ),
    Holding(BankTransactionRow, _under(BankTransactionRow.account_id, BankAccountRow)),
    Holding(AccountReadRow, _under(AccountReadRow.bank_link_id, BankLinkRow)),
    Holding(TraceEventRow, _under(TraceEventRow.payment_id, PaymentRow)),
    Holding(RefundRow, _under(RefundRow.payment_id, PaymentRow), stays=True),
    Holding(DisputeRow, _under(DisputeRow.payment_id, PaymentRow), stays=True),
    Holding(
        PaymentAttemptRow,
        _under(PaymentAttemptRow.payment_id, PaymentRow),
        stays=True,
        hidden=frozenset({"return_url"}),
    ),
    Holding(PaymentEventRow, _under(PaymentEventRow.payment_id, PaymentRow), stays=True),
    Holding(PaymentRow, _own(PaymentRow), stays=True, hidden=_RETURNS),
    Holding(PlanInvoiceRow, _under(PlanInvoiceRow.subscription_id, PlanSubscriptionRow), stays=True),
    Holding(PlanSubscriptionRow, _own(PlanSubscriptionRow), stays=True, hidden=_RETURNS | {"return_url"}),
    # Payments, which are kept, name the account that paid and its bank link.
    Holding(BankAccountRow, _own(BankAccountRow), stays=True),
    Holding(BankLinkRow, _own(BankLinkRow), stays=True),
    Holding(KycRow, _own(KycRow), stays=True, hidden=frozenset({"risk_score"})),
    Holding(CardRow, _own(CardRow)),
    Holding(CardholderRow, _own(CardholderRow)),
    Holding(UploadRow, _own(UploadRow)),
    Holding(DataExportRow, _own(DataExportRow)),
    Holding(NotificationRow, _own(NotificationRow)),
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
    Holding(UserEventRow, _own(UserEventRow)),
    Holding(UserEventSeqRow, _own(UserEventSeqRow), stays=True),
    Holding(AuditEventRow, _own(AuditEventRow), stays=True),
    Holding(
        UserRow,
        lambda user_id: col(UserRow.id) == user_id,
        stays=True,
        hidden=frozenset({"national_identity_number_encrypted", "national_identity_number_hash"}),
    ),
)
# What stays in the row of a deleted user. Every other column is emptied: a new column must not outlive the account.
_KEPT_OF_USER: Final = frozenset({"id", "created_at", "national_identity_number_encrypted"})


class PersonalDataQueries:
    """All rows of one user, in every table. No method commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all_of(self, user_id: UserId) -> Mapping[str, list[dict[str, Any]]]:
        """The user's rows by the name of their table, as JSON values, without hidden columns."""
        connection = await self._session.connection()
        found: dict[str, list[dict[str, Any]]] = {}
        for holding in HOLDINGS:
            columns = [column for column in holding.table.columns if column.name not in holding.hidden]
            query = select(*columns).where(holding.belongs(user_id))
            rows = (await connection.execute(query)).mappings().all()
            found[holding.table.name] = [{name: _json(value) for name, value in row.items()} for row in rows]
        return found

    async def forget(self, user_id: UserId, at: datetime, name: str) -> None:
        """Delete the rows that no law keeps, and what ties the user's row to the person.

        A later login of the same person makes a new user.
        """
        connection = await self._session.connection()
        for holding in HOLDINGS:
            if not holding.stays:
                await connection.execute(delete(holding.table).where(holding.belongs(user_id)))
        emptied = {column: None for column in UserRow.model_fields if column not in _KEPT_OF_USER}
        values = {**emptied, "issuer": "deleted", "subject": user_id, "name": name, "deleted_at": at}
        await connection.execute(update(UserRow).where(col(UserRow.id) == user_id).values(**values))

    async def remove(self, user_id: UserId) -> None:
        """Delete every row of the user, once the law wants none kept any more."""
        connection = await self._session.connection()
        for holding in HOLDINGS:
            await connection.execute(delete(holding.table).where(holding.belongs(user_id)))

    async def deleted_before(self, at: datetime, limit: int) -> list[UserId]:
        """Users who deleted their account before `at`, and whose rows are still kept."""
        connection = await self._session.connection()
        query = select(col(UserRow.id)).where(col(UserRow.deleted_at) < at).limit(limit)
        return [UserId(identifier) for identifier in (await connection.execute(query)).scalars()]


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value
