"""How the items of a bank's answer are read, for all open banking vendors: each by itself, and its parts leniently."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar

import orjson
import structlog

from domain.account_number import AccountNumber, InvalidAccountNumber, parse_account_number
from domain.bank_account import Balance, BalanceType
from domain.clock import oslo_date
from domain.money import Money, minor_of
from domain.statement import ItemKind, PutAside
from providers.calling.json_parts import as_list, text, texts_in
from providers.calling.vendor_http import Answer
from providers.open_banking.port import Items

# For each kind of balance the vendor's names, the best first: the first one that the bank sends is shown.
Words = Mapping[BalanceType, Sequence[str]]
Item = TypeVar("Item")
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_NO_CONTENT: Final = 204
# An item of ours is far shorter; a longer one is kept in part.
_KEPT_LENGTH: Final = 20_000
_log = structlog.get_logger()
# An index of PostgreSQL takes no longer text, and ours are shorter than all of them.
_LONGEST_ID: Final = 400
_LONGEST_END_TO_END_ID: Final = 200
# Our end-to-end ids are `D-` and a payment's ULID (norwegian_banks.md); some banks write them between other words.
_OURS: Final = re.compile(r"(?<![0-9A-Za-z-])D-[0-7][0-9A-HJKMNP-TV-Z]{25}(?![0-9A-Za-z-])")


def items_of(answer: Answer, name: str) -> list[Any]:
    """The items of a list in an answer.

    Raises KeyError or TypeError where the answer is no document of that call: it neither has the list, nor is it empty
    (204), nor does it say in messages why there is none.
    """
    document = answer.document
    if not isinstance(document, Mapping):
        raise TypeError(name)
    if name not in document and answer.status != _NO_CONTENT and not document.get("tppMessages"):
        raise KeyError(name)
    return as_list(document.get(name))


def has_message_instead(answer: Answer, name: str) -> bool:
    """Whether the bank says in messages why it gives no list: nothing is then known of its items."""
    return answer.document.get(name) is None and bool(answer.document.get("tppMessages"))


def each(kind: ItemKind, items: Iterable[Any], read: Callable[[Any], Item | None]) -> Items[Item]:
    """Every item read by itself: whatever one raises puts that item aside. `read` gives None for one to leave out."""
    found: list[Item] = []
    aside: list[PutAside] = []
    for item in items:
        try:
            one = read(item)
        except Exception as error:
            aside.append(put_aside(kind, item, error))
        else:
            if one is not None:
                found.append(one)
    return Items(found, aside)


def put_aside(kind: ItemKind, item: object, error: Exception) -> PutAside:
    """An item that cannot be read, as it is kept."""
    try:
        content = orjson.dumps(item).decode()
    except (TypeError, ValueError, RecursionError):
        try:
            content = json.dumps(item, default=repr)
        except (TypeError, ValueError, RecursionError):
            content = f'"{type(item).__name__}"'
    return PutAside(kind, content[:_KEPT_LENGTH], type(error).__name__)


def identifier(value: object) -> str:
    """The bank's id of an object. Raises ValueError where there is none: what has no id was not seen to be made.

    Dots alone are none: in an address they stand for another place (RFC 3986, 3.3).
    """
    found = text(value)
    if found is None or found in (".", "..") or len(found) > _LONGEST_ID:
        raise ValueError("no id")
    return found


def texts(values: object) -> str | None:
    """Several lines of text as one."""
    return " ".join(texts_in(values)) or None


def end_to_end_id(value: object) -> str | None:
    """Our or another one's end-to-end id. Banks say NOTPROVIDED where the payer gave none (ISO 20022)."""
    found = text(value)
    return found[:_LONGEST_END_TO_END_ID] if found and found.upper() != "NOTPROVIDED" else None


def our_id_in(*values: object) -> str | None:
    """The end-to-end id of ours that stands in one of these texts, or lists of texts; None without or with several."""
    lines = [line for value in values for line in (value if isinstance(value, list) else [value])]
    found = {one for line in lines for one in _OURS.findall(text(line) or "")}
    return found.pop() if len(found) == 1 else None


def entry_reference(value: object) -> str | None:
    """The bank's reference of a line; zeros name none (norwegian_banks.md, Transaction ids)."""
    found = text(value)
    return found if found and found.strip("0") else None


def day_of(value: object) -> date | None:
    """The day of a date, or in Oslo of a date-time; None where nothing is given. Raises ValueError, TypeError."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise TypeError("not a date")
    if len(value) == len("2026-01-01"):
        return date.fromisoformat(value)
    at = datetime.fromisoformat(value)
    try:
        return oslo_date(at) if at.tzinfo else at.date()
    except OverflowError:
        return at.date()  # the last day there is, which stands for no end


def valid_until(value: object) -> date:
    """The last day of a consent, `date.max` where the bank tells none that can be read: it has not shortened it."""
    try:
        return day_of(value) or date.max
    except (TypeError, ValueError):
        _log.warning("consent_valid_until_unreadable")
        return date.max


def first_day(item: Mapping[str, Any], *names: str) -> date | None:
    """The first of these days that is given. Raises as `day_of`."""
    return next((day for name in names if (day := day_of(item.get(name)))), None)


def time_of(*values: object) -> datetime | None:
    """The first of the times that is given, as UTC; a date means its beginning. Raises ValueError, TypeError."""
    for value in values:
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise TypeError("not a time")
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return None


def currency_of(value: object) -> str:
    """A currency's code by ISO 4217. Raises ValueError."""
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise ValueError("not a currency")
    return value


def money(amount: Mapping[str, Any]) -> Money:
    """The amount of an object that has `currency` and, as a decimal string, `amount`. Raises ValueError and others."""
    currency, decimal = currency_of(amount["currency"]), amount["amount"]
    if isinstance(decimal, int | float) and not isinstance(decimal, bool):
        decimal = str(decimal)
    return Money(minor_of(decimal, currency), currency)


def first_number(*values: object) -> AccountNumber | None:
    """The first of the account numbers that is one; None where none is given. Raises InvalidAccountNumber."""
    wrong: InvalidAccountNumber | None = None
    for value in map(text, values):
        if value is None:
            continue
        try:
            return parse_account_number(value)
        except InvalidAccountNumber as error:
            wrong = error
    if wrong is not None:
        raise wrong
    return None


def is_own(own: AccountNumber, *values: object) -> bool:
    """Whether one of the numbers is the account's own, however it is written."""
    written = {value.replace(" ", "").replace(".", "").upper() for value in map(text, values) if value}
    return bool(written & {own.iban, own.bban})


@dataclass(frozen=True, slots=True)
class BalanceAtBank:
    """A balance under the vendor's name for its kind; `as_of` is None where the bank gives no time."""

    name: str
    amount: Money
    as_of: datetime | None
    has_credit_limit: bool = False


def shown_balances(found: Sequence[BalanceAtBank], words: Words, currency: str, now: datetime) -> list[Balance]:
    """The balances to show in the account's currency: for each kind that of the vendor's best name, or none.

    Of several of one name the newest, without a credit limit where there is such a one. `now` dates one without a time.
    """
    shown: list[Balance] = []
    for kind, known in words.items():
        for name in known:
            alike = [one for one in found if one.name == name and one.amount.currency == currency]
            if alike:
                best = max(alike, key=lambda one: (not one.has_credit_limit, one.as_of or _LONG_AGO))
                shown.append(Balance(kind, best.amount, best.as_of or now))
                break
    return shown
