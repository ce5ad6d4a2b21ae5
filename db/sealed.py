"""The columns that hold encrypted values, each with its form: what they are read, written and rotated by.

What was never encrypted, by releases before, is read as it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson
from sqlalchemy import Column, Table
from sqlmodel.ext.asyncio.session import AsyncSession

from db.field_encryption import FieldEncryption, as_text, from_text, is_sealed
from db.tables.bank import BankReturnRow, ConsentRow, PutAsideRow
from db.tables.card import CardholderRow
from db.tables.event import WebhookEventRow
from db.tables.notification import NotificationRow
from db.tables.payment import PaymentRow
from db.tables.user import LoginAttemptRow, SessionRow, UserRow

# The first release that reads what `FieldEncryption.seal` makes.
READ_SINCE: Final = "0058"
# Under this a session's `info` holds the key ring.
FIELDS: Final = "fields"
# What a value is for, where it moves from row to row or its row is not known yet.
ID_TOKEN: Final = "id_token"  # noqa: S105  # a name
DEVICE: Final = "device"
AUTHORISATION: Final = "authorisation"
RETURNED_QUERY: Final = "returned_query"
PUT_ASIDE: Final = "put_aside"


class Form(StrEnum):
    """How a column holds its values: a secret, or one in a column of texts, never stood there as it is."""

    TEXT = "text"
    JSON = "json"
    RAW = "raw"
    SECRET = "secret"  # noqa: S105  # a word of ours
    SECRET_TEXT = "secret_text"  # noqa: S105  # a word of ours


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of encrypted values. They are bound to table, column and row, or else to `purpose`."""

    attribute: Any
    form: Form
    purpose: str | None = None

    @property
    def table(self) -> Table:
        table: Table = self.attribute.class_.__table__
        return table

    @property
    def name(self) -> str:
        return str(self.attribute.key)

    @property
    def column(self) -> Column[Any]:
        column: Column[Any] = self.table.c[self.name]
        return column

    def purpose_of(self, row_id: str) -> str:
        """What is authenticated with the value of this row."""
        return self.purpose or f"{self.table.name}.{self.name} {row_id}"

    def sealed(self, fields: FieldEncryption, row_id: str, value: Any) -> Any:
        """As it is stored; None stays None. A text, JSON or raw bytes by the column's form."""
        if value is None:
            return None
        if self.form is Form.SECRET:
            return fields.encrypt(value, self.purpose_of(row_id))
        if self.form is Form.SECRET_TEXT:
            return fields.encrypt_text(value, self.purpose_of(row_id))
        if fields.as_before:
            return value
        plain = orjson.dumps(value) if self.form is Form.JSON else value if self.form is Form.RAW else value.encode()
        sealed = fields.seal(plain, self.purpose_of(row_id))
        return sealed if self.form is Form.RAW else as_text(sealed)

    def opened(self, fields: FieldEncryption, row_id: str, stored: Any) -> Any:
        """What was given to `sealed`, whichever release has stored it. Raises UnreadableField."""
        if stored is None:
            return None
        if self.form is Form.SECRET:
            return fields.decrypt(stored, self.purpose_of(row_id))
        if self.form is Form.SECRET_TEXT:
            return fields.decrypt_text(stored, self.purpose_of(row_id))
        sealed = self._sealed_of(stored)
        if sealed is None:
            return stored
        plain = fields.unseal(sealed, self.purpose_of(row_id))
        return orjson.loads(plain) if self.form is Form.JSON else plain if self.form is Form.RAW else plain.decode()

    def is_current(self, fields: FieldEncryption, stored: Any) -> bool:
        """Whether the value needs no rotation."""
        sealed = stored if self.form is Form.SECRET else self._sealed_of(stored) if stored is not None else None
        return stored is None or (sealed is not None and fields.is_current(sealed))

    def _sealed_of(self, stored: Any) -> bytes | None:
        if self.form is Form.RAW:
            return stored if is_sealed(stored) else None
        return from_text(stored) if isinstance(stored, str) else None


EMAIL: Final = SealedColumn(UserRow.email, Form.TEXT)
PHONE: Final = SealedColumn(UserRow.phone, Form.TEXT)
ADDRESS: Final = SealedColumn(UserRow.address, Form.JSON)
PENDING: Final = SealedColumn(UserRow.pending_contacts, Form.JSON)
NUMBER: Final = SealedColumn(UserRow.national_identity_number_encrypted, Form.SECRET)
MESSAGE: Final = SealedColumn(NotificationRow.data, Form.JSON)
WEBHOOK: Final = SealedColumn(WebhookEventRow.raw, Form.RAW)
CARDHOLDER_ADDRESS: Final = SealedColumn(CardholderRow.address, Form.JSON)
SEALED: Final[Sequence[SealedColumn]] = (
    *(EMAIL, PHONE, ADDRESS, PENDING, NUMBER, MESSAGE, WEBHOOK, CARDHOLDER_ADDRESS),
    SealedColumn(SessionRow.id_token_encrypted, Form.SECRET, ID_TOKEN),
    SealedColumn(LoginAttemptRow.id_token_encrypted, Form.SECRET, ID_TOKEN),
    SealedColumn(ConsentRow.device_encrypted, Form.SECRET, DEVICE),
    SealedColumn(ConsentRow.authorisation_encrypted, Form.SECRET, AUTHORISATION),
    SealedColumn(PaymentRow.device_encrypted, Form.SECRET, DEVICE),
    SealedColumn(PaymentRow.authorisation_encrypted, Form.SECRET, AUTHORISATION),
    SealedColumn(PaymentRow.cancellation_encrypted, Form.SECRET, AUTHORISATION),
    SealedColumn(PutAsideRow.content_encrypted, Form.SECRET, PUT_ASIDE),
    SealedColumn(BankReturnRow.query_encrypted, Form.SECRET_TEXT, RETURNED_QUERY),
)


def fields_of(session: AsyncSession) -> FieldEncryption:
    """The key ring of the database that the session is of."""
    fields = session.info.get(FIELDS)
    assert isinstance(fields, FieldEncryption), "the database was opened without its keys"
    return fields


def opened_row(fields: FieldEncryption, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the table by its columns, with what is encrypted beside others opened. Raises UnreadableField."""
    opened = dict(row)
    for one in _IN_PLACE:
        if one.table is table and one.name in opened:
            opened[one.name] = one.opened(fields, opened["id"], opened[one.name])
    return opened


_IN_PLACE: Final = tuple(one for one in SEALED if one.form not in (Form.SECRET, Form.SECRET_TEXT))
