"""Ids that clients send: what cannot be one is told as an unknown one is, before the database is asked."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from domain import ids
from domain.errors import NotFound
from domain.ids import (
    AccountId,
    BankId,
    BankLinkId,
    CardId,
    PaymentId,
    SessionId,
    UploadId,
    VendorMigrationId,
    is_id,
)

Id = TypeVar("Id", bound=str)

_KINDS: Final[Mapping[Callable[[str], str], str]] = {
    AccountId: ids.ACCOUNT,
    BankId: ids.BANK,
    BankLinkId: ids.BANK_LINK,
    CardId: ids.CARD,
    PaymentId: ids.PAYMENT,
    SessionId: ids.SESSION,
    UploadId: ids.UPLOAD,
    VendorMigrationId: ids.VENDOR_MIGRATION,
}


def known_form(as_id: Callable[[str], Id], sent: str, *field: str) -> Id:
    """The id. Raises NotFound with the path of its input or argument where it has not the form of its kind."""
    if not is_id(sent, _KINDS[as_id]):
        raise NotFound("There is nothing with this id.", field=field)
    return as_id(sent)
