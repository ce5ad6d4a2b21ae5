"""An account's statement as a bank gives it, and how it is held against the lines that are known.

No bank promises that a line keeps its id (docs/vendors/norwegian_banks.md, Transaction ids), so lines are paired by
what is alike in them, the surest first, and what one complete answer lists is what there is.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from domain.bank_account import TransactionStatus
from domain.ids import TransactionId, is_end_to_end_id
from domain.money import Money

# A booked line is withdrawn once so many complete readings in a row have not listed it.
WITHDRAWN_AFTER: Final = 2
# A reservation is booked within so many days, and often under another date and text.
_BOOKED_WITHIN: Final = timedelta(days=10)
# How many lines alike are looked through for a pair: one account has few of one amount.
_LOOKED_AT: Final = 100
_BOOKED: Final = TransactionStatus.BOOKED
_PENDING: Final = TransactionStatus.PENDING


class ItemKind(StrEnum):
    """What an item of a bank's answer is about."""

    ACCOUNT = "ACCOUNT"
    BALANCE = "BALANCE"
    TRANSACTION = "TRANSACTION"


class LineIds(StrEnum):
    """What a bank's transaction ids say of a line over time. Within one answer they tell which lines are doubles.

    `LAST`: an id names its line for good. `CHANGE`: ids are others at each reading, with the session or once a line is
    booked, so that an id tells at most which reservation was booked. `FETCH_DETAILS`: they are good for nothing else.
    """

    LAST = "LAST"
    CHANGE = "CHANGE"
    FETCH_DETAILS = "FETCH_DETAILS"


@dataclass(frozen=True, slots=True)
class PutAside:
    """An item of a bank's answer that cannot be read. `content` is its JSON, `why` the name of the error's type."""

    kind: ItemKind
    content: str
    why: str


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A line of a statement as the bank sends it. A negative `amount` left the account.

    `transaction_id` is the bank's id, which may be another one at each reading; `entry_reference` lasts, where a bank
    gives one. `booking_date` is None for a line without any date. `kid` is the Norwegian payment reference.
    `value_date` is from when it counts for interest, where the bank tells it.
    """

    transaction_id: str | None
    entry_reference: str | None
    status: TransactionStatus
    amount: Money
    booking_date: date | None
    counterparty_name: str | None
    counterparty_account: str | None
    message: str | None
    kid: str | None
    end_to_end_id: str | None
    value_date: date | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """An account's lines since a day (in Oslo), as one reading gave them.

    Without `has_all_pages` the reading ended early; without `has_pending` the bank was asked for booked lines alone.
    `lists_twice` says that the bank may list a line under two transaction ids, `ids` how long its ids name a line.
    """

    lines: Sequence[StatementLine]
    since: date
    put_aside: Sequence[PutAside] = ()
    has_all_pages: bool = True
    has_pending: bool = True
    lists_twice: bool = False
    ids: LineIds = LineIds.LAST

    @property
    def is_complete(self) -> bool:
        """Whether it shows all booked lines: what it does not list is not at the bank."""
        return self.has_all_pages and not self.put_aside


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A stored line. `missed` is how many complete readings in a row have not listed it."""

    id: TransactionId
    line: StatementLine
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a statement changes: known lines with their newer content, new ones, those to delete, those it missed."""

    kept: Sequence[tuple[KnownLine, StatementLine]]
    added: Sequence[StatementLine]
    gone: Sequence[KnownLine]
    missed: Sequence[KnownLine]


def reconcile(known: Sequence[KnownLine], statement: Statement) -> Reconciled:
    """Hold a statement against the account's known lines since its first day, and all pending ones.

    What matches keeps its id and takes the newer content. A pending line that is not listed any more goes; a booked one
    is missed if the statement is complete. A statement without all pages only adds and updates.
    """
    pairing = _Pairing(known, _each_once(statement), statement.has_all_pages, statement.ids)
    pairing.run()
    kept = [(row, _newer(row.line, line)) for row, line in pairing.pairs]
    left = pairing.rows if statement.has_all_pages else []
    return Reconciled(
        kept,
        pairing.lines,
        [row for row in left if row.line.status is _PENDING and statement.has_pending],
        [row for row in left if statement.is_complete and _is_missed(row, statement)],
    )


class _Pairing:
    """Pairs known rows with lines, the surest likeness first. `rows` and `lines` are what is left over."""

    def __init__(
        self, known: Sequence[KnownLine], lines: Sequence[StatementLine], has_all_pages: bool, ids: LineIds
    ) -> None:
        self.rows = list(known)
        self.lines = list(lines)
        self.pairs: list[tuple[KnownLine, StatementLine]] = []
        self._has_all_pages = has_all_pages
        self._ids = ids

    def run(self) -> None:
        self._pair(lambda line: line.entry_reference, _is_same_amount)
        if self._ids is LineIds.LAST:
            self._pair(_by_transaction_id, _is_same_amount)
        self._pair(_by_status_and_content, self._may_be)
        self._pair(_by_content, self._may_be)
        self._pair(_by_day, lambda row, line: self._may_be(row, line) and _is_compatible(row, line))
        self._pair(_by_end_to_end_id, lambda row, line: self._may_have_moved(row, line) and _is_near(row, line))
        self._pair(_by_amount, lambda row, line: line.booking_date is None and _is_compatible(row, line))
        if self._ids is LineIds.CHANGE:
            self._pair(_by_transaction_id, lambda row, line: row.status is _PENDING and _is_near(row, line))
        if self._has_all_pages:
            # What is left over on either side is a line whose content the bank has changed. Of a payment's booked line
            # the texts and the id do not change both.
            self._pair(_by_day, lambda row, line: line.end_to_end_id is not None or not _is_booked_of_ours(row))
            self._pair(_by_amount, lambda row, line: row.status is _PENDING and _is_near(row, line))

    def _may_be(self, row: StatementLine, line: StatementLine) -> bool:
        """Two references are two lines, where the other one may stand on a page that was not read."""
        known, told = row.entry_reference, line.entry_reference
        return self._has_all_pages or known is None or told is None or known == told

    def _may_have_moved(self, row: StatementLine, line: StatementLine) -> bool:
        """Payments that recur share an end-to-end id: an earlier one may stand on a page that was not read.

        A payment of ours has one debit: in a part of a statement, its line on another day is the one that is known.
        """
        is_ours = is_end_to_end_id(row.end_to_end_id or "") and self._may_be(row, line)
        return self._has_all_pages or row.status is _PENDING or is_ours

    def _pair(
        self,
        key_of: Callable[[StatementLine], Hashable | None],
        is_same: Callable[[StatementLine, StatementLine], bool],
    ) -> None:
        by_key: dict[Hashable, deque[KnownLine]] = defaultdict(deque)
        for row in self.rows:
            by_key[key_of(row.line)].append(row)
        by_key.pop(None, None)
        left: list[StatementLine] = []
        taken: set[str] = set()
        for line in self.lines:
            found = _take(
                by_key.get(key_of(line)),
                lambda row, line=line: is_same(row.line, line) and not _is_another(row.line, line),  # type: ignore[misc]
            )
            if found is None:
                left.append(line)
            else:
                taken.add(found.id)
                self.pairs.append((found, line))
        self.rows = [row for row in self.rows if row.id not in taken]
        self.lines = left


def _take(rows: deque[KnownLine] | None, is_it: Callable[[KnownLine], bool]) -> KnownLine | None:
    """Take the first fitting row out of a queue of rows alike."""
    for row in list(rows or ())[:_LOOKED_AT]:
        if is_it(row):
            assert rows is not None
            rows.remove(row)
            return row
    return None


def _each_once(statement: Statement) -> list[StatementLine]:
    """The lines without doubles of one answer, and without ids that several lines have.

    A line that stands on two pages, or as pending and as booked, is one. An id that different lines share names none.
    """

    def is_one_entry(alike: Sequence[StatementLine]) -> bool:
        if len({line.transaction_id for line in alike}) > 1 and not statement.lists_twice:
            return _is_booked_reservation(alike) and len({line.amount for line in alike}) == 1
        return _has_same_content(alike)

    lines = _merged(
        statement.lines,
        lambda line: line.transaction_id,
        lambda alike: _has_same_content(alike) or _is_booked_reservation(alike),
        lambda line: replace(line, transaction_id=None),
    )
    return _merged(
        lines, lambda line: line.entry_reference, is_one_entry, lambda line: replace(line, entry_reference=None)
    )


def _merged(
    lines: Sequence[StatementLine],
    id_of: Callable[[StatementLine], str | None],
    is_one: Callable[[Sequence[StatementLine]], bool],
    unnamed: Callable[[StatementLine], StatementLine],
) -> list[StatementLine]:
    """The lines, where those of one id are one line if `is_one` says so, and else lose the id."""
    by_id: dict[str, list[StatementLine]] = defaultdict(list)
    for line in lines:
        by_id[id_of(line) or ""].append(line)
    nameless = by_id.pop("", [])
    found = list(nameless)
    for alike in by_id.values():
        if len(alike) == 1:
            found.extend(alike)
        elif is_one(alike):
            found.append(next((line for line in alike if line.status is _BOOKED), alike[0]))
        else:
            found.extend(map(unnamed, alike))
    return found


def _has_same_content(alike: Sequence[StatementLine]) -> bool:
    return len({(line.booking_date, line.amount, *_texts(line)) for line in alike}) == 1


def _is_booked_reservation(alike: Sequence[StatementLine]) -> bool:
    return len(alike) == 2 and {line.status for line in alike} == {_BOOKED, _PENDING}


def _newer(row: StatementLine, line: StatementLine) -> StatementLine:
    """The line as it was read last: what only an older reading told may belong to another line that is gone.

    A booked line keeps an id of ours: what it has told of the payment holds until the bank withdraws the line.
    """
    kept = row.end_to_end_id if _is_booked_of_ours(row) else None
    return replace(line, booking_date=line.booking_date or row.booking_date, end_to_end_id=line.end_to_end_id or kept)


def _is_booked_of_ours(row: StatementLine) -> bool:
    return row.status is _BOOKED and is_end_to_end_id(row.end_to_end_id or "")


def _by_transaction_id(line: StatementLine) -> Hashable | None:
    return line.transaction_id


def _by_content(line: StatementLine) -> Hashable | None:
    return None if line.booking_date is None else (line.booking_date, line.amount, *_texts(line))


def _by_status_and_content(line: StatementLine) -> Hashable | None:
    return None if line.booking_date is None else (line.status, line.booking_date, line.amount, *_texts(line))


def _by_day(line: StatementLine) -> Hashable | None:
    return None if line.booking_date is None else (line.booking_date, line.amount)


def _by_amount(line: StatementLine) -> Hashable | None:
    return line.amount


def _by_end_to_end_id(line: StatementLine) -> Hashable | None:
    return None if line.end_to_end_id is None else (line.end_to_end_id, line.amount)


def _texts(line: StatementLine) -> Sequence[str | None]:
    return (line.counterparty_name, line.counterparty_account, line.message, line.kid, line.end_to_end_id)


def _is_compatible(row: StatementLine, line: StatementLine) -> bool:
    """Whether no text says otherwise: one that is missing on either side may have come later."""
    return all(ours is None or theirs is None or ours == theirs for ours, theirs in _text_pairs(row, line))


def _text_pairs(row: StatementLine, line: StatementLine) -> Iterable[tuple[str | None, str | None]]:
    return zip(_texts(row), _texts(line), strict=True)


def _is_another(row: StatementLine, line: StatementLine) -> bool:
    """Whether two lines are never one: a booked line is no reservation again, and an id of ours stays what it is."""
    known, told = row.end_to_end_id, line.end_to_end_id
    is_of_another = told is not None and known != told and is_end_to_end_id(known or "")
    return is_of_another or (row.status is _BOOKED and line.status is _PENDING)


def _is_same_amount(row: StatementLine, line: StatementLine) -> bool:
    """A reservation may be booked with another amount, a booked line may not."""
    return row.amount == line.amount or row.status is _PENDING


def _is_near(row: StatementLine, line: StatementLine) -> bool:
    if row.booking_date is None or line.booking_date is None:
        return True
    return abs(line.booking_date - row.booking_date) <= _BOOKED_WITHIN


def _is_missed(row: KnownLine, statement: Statement) -> bool:
    """Whether a booked line should be listed, since the reading covered its day. Some banks leave the first day out."""
    day = row.line.booking_date
    is_covered = day is not None and day > statement.since
    return row.line.status is _BOOKED and is_covered and row.missed < WITHDRAWN_AFTER
