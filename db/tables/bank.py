"""Bank links, the consents that keep them alive, and what was read by them."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import BigInteger, text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from db.columns import UtcDateTime

# The version before notes no reason.
ODD = sa.text("(matched_as = 'ODD' OR odd_because IS NOT NULL)")
# WITHDRAWN_AFTER of domain/statement.py; in plain SQL, so that the index serves the query.
WITHDRAWN = sa.text("(missed >= 2 AND matched_as IN ('DEBIT', 'RETURN'))")
_UNFOLDED = sa.text("search_text IS NULL")
_UNMATCHED = sa.text("matched_as IS NULL AND end_to_end_id IS NOT NULL")


class BankLinkRow(SQLModel, table=True):
    """A user's link to a bank, unique per user and bank. It outlives the consents that keep it alive."""

    __tablename__ = "bank_link"
    __table_args__ = (UniqueConstraint("user_id", "bank_id"),)

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    bank_id: str
    vendor: str
    status: str
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_because: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    unreadable_accounts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    version: int = 0


_WAITING = "status IN ('AWAITING_AUTHORISATION')"


class ConsentRow(SQLModel, table=True):
    """A consent of a bank link. `valid_until` is an Oslo date, inclusive.

    `state_hash` (SHA-256) finds the row when the user comes back from the bank; the user then goes on to `return_to`.
    `device_encrypted` is where the consent was asked for, and `authorisation_encrypted` what the user must see to give
    it in the bank's app, both kept while it is awaited. `text_version` is that of the text under which it was asked
    for, 0 before there was one. `has_page` where the user gives it on a page, from which they were back at
    `returned_at`; `begun_in_app` where an app asked with its token.
    """

    __tablename__ = "consent"
    __table_args__ = (
        Index(
            "ix_consent_waiting", "status", "created_at", sqlite_where=text(_WAITING), postgresql_where=text(_WAITING)
        ),
    )

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    bank_link_id: str = Field(foreign_key="bank_link.id", index=True)
    vendor: str
    vendor_consent_id: str | None = Field(default=None, index=True)
    status: str
    valid_until: date = Field(index=True)
    state_hash: str = Field(unique=True)
    return_to: str
    device_encrypted: bytes | None = None
    authorisation_encrypted: bytes | None = None
    authorisation_expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    text_version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    has_page: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    begun_in_app: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    returned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 0


class BankReturnRow(SQLModel, table=True):
    """What a browser brought back from a bank's page, encrypted, until the user who went there comes for it.

    `token_hash` (SHA-256) is of the one-time code that was given to that browser. `user_id` is who began the visit, and
    `subject_id` the consent or payment. The content is emptied once it is taken.
    """

    __tablename__ = "bank_return"

    token_hash: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    subject_id: str = Field(index=True)
    query_encrypted: str | None = None
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    taken_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class BankAccountRow(SQLModel, table=True):
    """A user's account at a bank, unique per user, IBAN and currency.

    Rows stay when no consent covers the account any more. `statement_read_at` is when the newest reading of its lines
    began; `statement_since`, `has_whole_statement` and `unreadable_items` say what it was like.
    """

    __tablename__ = "bank_account"
    __table_args__ = (UniqueConstraint("user_id", "iban", "currency"),)

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    bank_link_id: str = Field(foreign_key="bank_link.id", index=True)
    bank_id: str
    iban: str
    bban: str | None = None
    currency: str
    name: str
    owner_name: str
    balance_refreshed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    statement_read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    statement_since: date | None = None
    has_whole_statement: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    unreadable_items: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class ConsentAccountRow(SQLModel, table=True):
    """An account that a consent covers, with the bank's own id of the account under this consent."""

    __tablename__ = "consent_account"

    consent_id: str = Field(foreign_key="consent.id", primary_key=True)
    account_id: str = Field(foreign_key="bank_account.id", primary_key=True, index=True)
    resource_id: str


class AccountReadRow(SQLModel, table=True):
    """A read of a bank link's accounts at the bank.

    `day` is the Oslo date that the four unattended reads are counted by.
    """

    __tablename__ = "account_read"
    __table_args__ = (Index("ix_account_read_bank_link_day", "bank_link_id", "day"),)

    id: str = Field(primary_key=True)
    bank_link_id: str = Field(foreign_key="bank_link.id")
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    day: date
    is_attended: bool


class BalanceRow(SQLModel, table=True):
    """The newest balance of each type of an account. `amount_minor` may be negative."""

    __tablename__ = "balance"

    account_id: str = Field(foreign_key="bank_account.id", primary_key=True)
    type: str = Field(primary_key=True)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    as_of: datetime = Field(sa_type=UtcDateTime)


class BankTransactionRow(SQLModel, table=True):
    """A line of an account's statement. A negative `amount_minor` left the account.

    No id of the bank's is unique: `domain/statement.py` pairs a reading's lines with these. `missed` is how many
    complete readings in a row have not listed the line. `matched_as` is what the line is to a payment of ours
    (`domain/line_match.py`), None until it was held against one, and `odd_because` why it fits none. `search_text` is
    what it is found by, None until then where a version before 0061 has written it.
    """

    __tablename__ = "bank_transaction"
    __table_args__ = (
        Index("ix_bank_transaction_page", "account_id", "booking_date", "id"),
        Index("ix_bank_transaction_end_to_end_id", "account_id", "end_to_end_id"),
        Index("ix_bank_transaction_unmatched", "account_id", sqlite_where=_UNMATCHED, postgresql_where=_UNMATCHED),
        Index("ix_bank_transaction_withdrawn", "account_id", sqlite_where=WITHDRAWN, postgresql_where=WITHDRAWN),
        Index("ix_bank_transaction_unfolded", "account_id", sqlite_where=_UNFOLDED, postgresql_where=_UNFOLDED),
        Index("ix_bank_transaction_odd", "id", sqlite_where=ODD, postgresql_where=ODD),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="bank_account.id")
    vendor_transaction_id: str | None = None
    entry_reference: str | None = None
    status: str
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    booking_date: date = Field(index=True)
    counterparty_name: str | None = None
    counterparty_account: str | None = None
    message: str | None = None
    kid: str | None = None
    end_to_end_id: str | None = None
    missed: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    matched_as: str | None = None
    odd_because: str | None = None
    search_text: str | None = None
    value_date: date | None = None


class BankHabitRow(SQLModel, table=True):
    """A bank, as one vendor reaches it, whose lines have borne the end-to-end id of a payment of ours."""

    __tablename__ = "bank_habit"

    bank_id: str = Field(primary_key=True)
    vendor: str = Field(primary_key=True)
    gives_ids_since: datetime = Field(sa_type=UtcDateTime)


class PutAsideRow(SQLModel, table=True):
    """An item of a bank's answer that could not be read: encrypted, once per content (`digest`), for 30 days."""

    __tablename__ = "put_aside"
    __table_args__ = (Index("ix_put_aside_bank_link_digest", "bank_link_id", "digest"),)

    id: str = Field(primary_key=True)
    bank_link_id: str = Field(foreign_key="bank_link.id")
    account_id: str | None = Field(default=None, foreign_key="bank_account.id", index=True)
    kind: str
    why: str
    content_encrypted: bytes
    digest: str
    put_aside_at: datetime = Field(sa_type=UtcDateTime, index=True)
