"""Whatever ids a bank gives, and in whatever pages: complete readings leave exactly the lines that there are."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from domain.bank_account import TransactionStatus
from domain.ids import TransactionId
from domain.money import Money
from domain.statement import (
    WITHDRAWN_AFTER,
    ItemKind,
    KnownLine,
    PutAside,
    Statement,
    StatementLine,
    reconcile,
)

SINCE = date(2026, 9, 1)
BOOKED, PENDING = TransactionStatus.BOOKED, TransactionStatus.PENDING
# Few values, so that lines alike are frequent.
DAYS = st.integers(1, 3).map(lambda days: SINCE + timedelta(days=days))
AMOUNTS = st.sampled_from([-100, -200, 100])
NAMES = st.sampled_from([None, "Kiwi", "Rema"])


@dataclass(frozen=True)
class AtBank:
    """A line as the bank has it; it is told under ids that change."""

    number: int
    status: TransactionStatus
    day: date
    minor: int
    name: str | None


def content(line: StatementLine) -> tuple[object, ...]:
    return (line.status, line.booking_date, line.amount, line.counterparty_name)


class StatementsOverTime(RuleBasedStateMachine):
    """A bank whose lines are booked, changed and withdrawn, while a gateway reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.bank: list[AtBank] = []
        self.known: list[KnownLine] = []
        self.numbers = count(1)

    @initialize(ids=st.sampled_from(["new", "stable", "one for all", "none"]), entries=st.booleans())
    def at_a_bank(self, ids: str, entries: bool) -> None:
        self.ids, self.entries = ids, entries

    @rule(status=st.sampled_from([BOOKED, PENDING]), day=DAYS, minor=AMOUNTS, name=NAMES)
    def line_appears(self, status: TransactionStatus, day: date, minor: int, name: str | None) -> None:
        self.bank.append(AtBank(next(self.numbers), status, day, minor, name))

    @rule(data=st.data(), day=DAYS, name=NAMES)
    def reservation_is_booked(self, data: st.DataObject, day: date, name: str | None) -> None:
        held = [line for line in self.bank if line.status is PENDING]
        if held:
            line = data.draw(st.sampled_from(held))
            self.bank.remove(line)
            self.bank.append(replace(line, status=BOOKED, day=day, name=name))

    @rule(data=st.data())
    def line_vanishes(self, data: st.DataObject) -> None:
        if self.bank:
            self.bank.remove(data.draw(st.sampled_from(self.bank)))

    @rule(data=st.data())
    def is_read_in_part(self, data: st.DataObject) -> None:
        before = {known.id for known in self.known}
        some = [line for line in self.bank if data.draw(st.booleans())]

        self.read(replace(self.statement(some), has_all_pages=False))

        assert before <= {known.id for known in self.known}

    @rule(data=st.data())
    def is_read_with_an_unreadable_line(self, data: st.DataObject) -> None:
        booked = {known.id for known in self.known if known.line.status is BOOKED and known.missed < WITHDRAWN_AFTER}
        aside = [PutAside(ItemKind.TRANSACTION, "{}", "ValueError")]

        self.read(replace(self.statement(self.bank), put_aside=aside))

        assert booked <= {known.id for known in self.shown()}

    @rule(data=st.data())
    def is_read_twice(self, data: st.DataObject) -> None:
        for _ in range(WITHDRAWN_AFTER):
            lines = data.draw(st.permutations(self.bank))
            self.read(self.statement(lines))

        assert Counter(content(known.line) for known in self.shown()) == Counter(
            content(line) for line in self.statement(self.bank).lines
        )

    @rule()
    def is_read_again(self) -> None:
        """Nothing has happened in between: every line keeps its id."""
        for _ in range(WITHDRAWN_AFTER):
            self.read(self.statement(self.bank))
        before = {known.id: content(known.line) for known in self.shown()}

        self.read(self.statement(self.bank))

        assert {known.id: content(known.line) for known in self.shown()} == before

    def statement(self, lines: list[AtBank]) -> Statement:
        return Statement([self.told(line) for line in lines], SINCE)

    def told(self, line: AtBank) -> StatementLine:
        identifier = {"new": f"n{next(self.numbers)}", "stable": f"s{line.number}", "one for all": "1"}.get(self.ids)
        return StatementLine(
            identifier if self.ids != "one for all" or len(self.bank) > 2 else None,
            f"e{line.number}" if self.entries and line.status is BOOKED else None,
            line.status,
            Money(line.minor),
            line.day,
            line.name,
            *(None, None, None, None),
        )

    def read(self, statement: Statement) -> None:
        change = reconcile(self.known, statement)
        gone = {known.id for known in change.gone}
        missed = {known.id for known in change.missed}
        kept = {known.id: line for known, line in change.kept}
        self.known = [
            KnownLine(
                known.id,
                kept.get(known.id, known.line),
                0 if known.id in kept else known.missed + (known.id in missed),
            )
            for known in self.known
            if known.id not in gone
        ]
        self.known += [KnownLine(TransactionId(f"trx_{next(self.numbers)}"), line) for line in change.added]

    def shown(self) -> list[KnownLine]:
        return [known for known in self.known if known.missed < WITHDRAWN_AFTER]


TestStatementsOverTime = StatementsOverTime.TestCase
