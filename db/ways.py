"""How what lies beside an object is found in the database, by its relation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Date, FromClause, bindparam, func, select
from sqlmodel import col

from db.bank_accounts import is_available
from db.bank_links import READS_SHOWN
from db.bank_shapes import ACCOUNT_READ, BALANCE, BANK_ACCOUNT, BANK_LINK, TRANSACTION
from db.cards import CARD
from db.files import DATA_EXPORT, UPLOAD
from db.kyc import KYC
from db.ledger import given_back
from db.payment_rows import PAYMENT, PAYMENT_EVENT
from db.plans import INVOICE, SUBSCRIPTION
from db.refunds import DISPUTE, REFUND
from db.shapes import Shape
from db.tables.bank import AccountReadRow
from domain.consent import UNATTENDED_READS_A_DAY
from domain.plan import PlanStatus
from domain.relation import Relation
from domain.statement import WITHDRAWN_AFTER
from domain.upload import UploadStatus

# The name of the value that is today's date in Oslo.
DAY: Final = "day"


@dataclass(frozen=True, slots=True)
class Way:
    """How what lies beside an object is found: by the column `of`, which has the object's id, or by its own id.

    `order` are the columns of a list, the last of them unique in it; `counted` says how many of it are read at most,
    where it has no pages. `only` are those that a list has. Of `is_only_one` a user has one at most. Whatever has an
    owner is read with the owner's condition, which no author has to write.
    """

    shape: Shape[Any]
    of: str | None = None
    order: tuple[str, ...] = ("id",)
    newest_first: bool = False
    counted: int = 100
    only: Callable[[FromClause], ColumnElement[bool]] | None = None
    is_only_one: bool = False


WAYS: Final[Mapping[Relation, Way]] = {
    Relation.OWN_ACCOUNTS: Way(BANK_ACCOUNT),
    Relation.OWN_BANK_LINKS: Way(BANK_LINK),
    Relation.OWN_PAYMENTS: Way(PAYMENT, newest_first=True),
    Relation.OWN_CARDS: Way(CARD, newest_first=True),
    Relation.OWN_EXPORTS: Way(DATA_EXPORT, newest_first=True),
    Relation.OWN_UPLOADS: Way(
        UPLOAD, newest_first=True, only=lambda uploads: uploads.c.status != UploadStatus.DELETED.value
    ),
    Relation.KYC: Way(KYC, is_only_one=True),
    Relation.PLAN: Way(SUBSCRIPTION, is_only_one=True, only=lambda plans: plans.c.status != PlanStatus.ENDED.value),
    Relation.ACCOUNT: Way(BANK_ACCOUNT),
    Relation.BANK_LINK: Way(BANK_LINK),
    Relation.PAYMENT: Way(PAYMENT),
    Relation.UPLOAD: Way(UPLOAD),
    Relation.BANK_LINK_ACCOUNTS: Way(BANK_ACCOUNT, of="bank_link_id"),
    Relation.READS: Way(ACCOUNT_READ, of="bank_link_id", order=("at", "id"), newest_first=True, counted=READS_SHOWN),
    Relation.BALANCES: Way(BALANCE, of="account_id", order=("type",), newest_first=True),
    Relation.TRANSACTIONS: Way(
        TRANSACTION,
        of="account_id",
        order=("booking_date", "id"),
        newest_first=True,
        # What the bank has withdrawn stays stored and is not part of the statement.
        only=lambda lines: lines.c.missed < WITHDRAWN_AFTER,
    ),
    Relation.HISTORY: Way(PAYMENT_EVENT, of="payment_id", order=("version",)),
    Relation.REFUNDS: Way(REFUND, of="payment_id"),
    Relation.DISPUTES: Way(DISPUTE, of="payment_id"),
    Relation.INVOICES: Way(INVOICE, of="subscription_id", newest_first=True),
}


def _reads_left(links: FromClause) -> ColumnElement[int]:
    used = (
        select(func.count())
        .select_from(AccountReadRow)
        .where(
            col(AccountReadRow.bank_link_id) == links.c.id,
            col(AccountReadRow.day) == bindparam(DAY, type_=Date),
            col(AccountReadRow.is_attended).is_(False),
        )
        .correlate(links)
    )
    return UNATTENDED_READS_A_DAY - used.scalar_subquery()


# What no column has.
COMPUTED: Final[Mapping[str, Callable[[FromClause], ColumnElement[Any]]]] = {
    "is_available": lambda accounts: is_available(accounts.c.id),
    "given": lambda payments: given_back(payments.c.id).scalar_subquery(),
    "unattended_reads_left": _reads_left,
}
