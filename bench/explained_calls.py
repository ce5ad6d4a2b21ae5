"""What each query method is called with: values made from its annotations, which name rows that `fill` has made."""

import dataclasses
import inspect
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, NewType, Union, get_args, get_origin, get_type_hints

from db.orphans import RowKind
from db.purge import Batch
from db.retention import EMPTIED, RETENTION, Emptied, links_to, table_of
from db.tables.payment import PaymentRow
from domain.ids import AccountId, UserId
from domain.page import Keyset
from domain.payment import Status
from domain.relation import Relation
from domain.selection import Beside, Selection
from services.banks.readings import MatchLines

AT: Final = datetime(2026, 11, 1, tzinfo=UTC)
# By the name of a NewType, the table whose first row it names.
_IDS: Final = {
    "UserId": "user",
    "PaymentId": "payment",
    "AccountId": "bank_account",
    "BankLinkId": "bank_link",
    "ConsentId": "consent",
    "KycId": "kyc_application",
    "RefundId": "refund",
    "DisputeId": "dispute",
    "AttemptId": "payment_attempt",
    "TransactionId": "bank_transaction",
    "PlanSubscriptionId": "plan_subscription",
    "PlanInvoiceId": "plan_invoice",
    "CardId": "card",
    "CardholderId": "cardholder",
    "UploadId": "upload",
    "DataExportId": "data_export",
    "NotificationId": "notification",
    "SessionId": "session",
}
_PAYMENTS: Final = next(one for one in RETENTION if one.row is PaymentRow)
_ACCOUNT: Final = Beside(Relation.ACCOUNT, Selection(("id", "number", "is_available")), key="debtor_account_id")
_OWN_PAYMENTS: Final = Beside(Relation.OWN_PAYMENTS, Selection(("id", "status", "amount"), (_ACCOUNT,)), page=0)
_BY_NAME: Final[Mapping[str, Any]] = {
    "job": MatchLines(UserId("user_1"), AccountId("bank_account_1")),
    "limit": 100,
    "most": 100,
    "kept": _PAYMENTS,
    "one": _PAYMENTS,
    "link": links_to(table_of(PaymentRow))[0],
    "parents": Batch([("payment_1",)], (AT, "payment_1")),
    "after": None,
    "table": table_of(PaymentRow),
    "keys": [("payment_1",)],
    "only": None,
    "kind": RowKind.BANK_PAYMENT,
    "keyset": Keyset(None, None, 20),
    "asked": Selection(beside=(_OWN_PAYMENTS,)),
    "pages": [Keyset(None, None, 20)],
    "cutoff": datetime(2024, 1, 1, tzinfo=UTC),
}


def missing_from() -> Collection[tuple[str, str]]:
    """Methods that read much on purpose: all of a user (export, leaving), or all of some days (daily comparison)."""
    of_a_user = {("personal_data", "all_of"), ("personal_data", "forget")}
    return of_a_user | {("ledger_gaps", "entries"), ("reconciliation", "unsettled")}


def arguments_of(method: Any) -> dict[str, Any]:
    """A value for each parameter without a default, by its name or its type."""
    hints = get_type_hints(method)
    found = {}
    for name, parameter in inspect.signature(method).parameters.items():
        is_rest = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if is_rest or parameter.default is not parameter.empty:
            continue
        if name in _BY_NAME and _fits(_BY_NAME[name], hints[name]):
            found[name] = _BY_NAME[name]
        else:
            found[name] = value_of(hints[name], name)
    return found


def _fits(value: Any, kind: Any) -> bool:
    plain = get_origin(kind) or kind
    if value is None:
        return NoneType in get_args(kind)
    return not isinstance(plain, type) or isinstance(value, plain)


def value_of(kind: Any, name: str) -> Any:
    if isinstance(kind, NewType):
        return f"{_IDS[kind.__name__]}_1" if kind.__name__ in _IDS else value_of(kind.__supertype__, name)
    if kind is Emptied:
        return EMPTIED[0]
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        wanted = [part for part in parts if part is not NoneType]
        return value_of(wanted[0], name)
    if origin is Literal:
        return parts[0]
    if origin is tuple:
        return tuple(value_of(part, name) for part in parts if part is not ...)
    if origin in (list, Sequence, Collection, set, frozenset):
        return [value_of(parts[0], name)]
    if origin in (dict, Mapping):
        return {}
    return _plain(kind, name)


def _plain(kind: Any, name: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Status.SETTLED if kind is Status else next(iter(kind))
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{one.name: value_of(hints[one.name], one.name) for one in dataclasses.fields(kind) if one.init})  # type: ignore[operator]
    simple = {str: f"{name}_1", int: 1, bool: True, bytes: b"x", datetime: AT, timedelta: timedelta(hours=1)}
    simple |= {date: date(2026, 11, 24), NoneType: None, float: 1.0, object: "x"}
    return simple.get(kind, f"{name}_1")
