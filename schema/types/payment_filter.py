from collections.abc import Sequence
from datetime import date
from enum import Enum

import strawberry
from strawberry import UNSET

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain.ids import AccountId
from domain.page import Keyset, PaymentPage
from domain.payment import Rail, Status
from domain.payment_search import ANY_PAYMENT, PaymentSearch, creditor_of, require_sound
from domain.search import folded
from schema.types.absent import given
from schema.types.money import MoneyInput, money_of


@strawberry.enum(description="In which order payments come.")
class PaymentOrderBy(Enum):
    NEWEST_FIRST = strawberry.enum_value("NEWEST_FIRST", description="By creation, newest first.")
    OLDEST_FIRST = strawberry.enum_value("OLDEST_FIRST", description="By creation, oldest first.")
    SOONEST_FIRST = strawberry.enum_value(
        "SOONEST_FIRST",
        description="By execution date, the soonest first: only payments that have one. With `statuses: [SCHEDULED]` "
        "these are the upcoming ones.",
    )


@strawberry.input(description="Narrows the list to the payments that fit all of it.")
class PaymentFilter:
    statuses: list[Status] | None = strawberry.field(description="Any of these; all where left out.", default=UNSET)
    rails: list[Rail] | None = strawberry.field(description="Any of these; both where left out.", default=UNSET)
    text: str | None = strawberry.field(
        description="Part of the creditor's name, the message or the KID, in any case; 2 to 100 characters.",
        default=UNSET,
    )
    min_amount: MoneyInput | None = strawberry.field(description="At least this much.", default=UNSET)
    max_amount: MoneyInput | None = strawberry.field(description="At most this much.", default=UNSET)
    created_from: date | None = strawberry.field(description="Asked for on this day in Norway or later.", default=UNSET)
    created_to: date | None = strawberry.field(description="Asked for on this day in Norway or earlier.", default=UNSET)
    execution_from: date | None = strawberry.field(
        description="With an execution date on this day or later.", default=UNSET
    )
    execution_to: date | None = strawberry.field(
        description="With an execution date on this day or earlier.", default=UNSET
    )
    accounts: list[strawberry.ID] | None = strawberry.field(
        description="From these accounts, 100 at most; from all, and by card, where left out. From another user's "
        "account no payment is here.",
        default=UNSET,
    )
    creditor_account: str | None = strawberry.field(
        description="To this account: a Norwegian 11-digit account number or an IBAN.", default=UNSET
    )


class PaymentList:
    """A user's payments as they are filtered and ordered. Raises InvalidInput where no payment could fit."""

    def __init__(self, filter: PaymentFilter | None, order_by: PaymentOrderBy) -> None:
        # The same filter in another order is the same list.
        self._statuses = sorted(set(given(filter.statuses) or ())) if filter else []
        self._rails = sorted(set(given(filter.rails) or ())) if filter else []
        self._search = _search(filter) if filter else ANY_PAYMENT
        self._order_by = order_by

    @property
    def is_by_execution(self) -> bool:
        """Whether its cursors are made of a day and an id; else of an id alone."""
        return self._order_by is PaymentOrderBy.SOONEST_FIRST

    @property
    def named(self) -> Sequence[str]:
        """What tells its cursors from those of other lists."""
        by_search = () if self._search == ANY_PAYMENT else (repr(self._search),)
        return (",".join(self._statuses), ",".join(self._rails), self._order_by.name, *by_search)

    def page(self, keyset: Keyset) -> PaymentPage:
        """Which part of it is asked for."""
        is_upwards = self._order_by is not PaymentOrderBy.NEWEST_FIRST
        return PaymentPage(self._statuses, keyset, self._rails, is_upwards, self._search, self.is_by_execution)


def _search(asked: PaymentFilter) -> PaymentSearch:
    text, accounts, creditor = given(asked.text), given(asked.accounts), given(asked.creditor_account)
    return require_sound(
        PaymentSearch(
            folded(text) if text is not None else None,
            money_of(given(asked.min_amount)),
            money_of(given(asked.max_amount)),
            given(asked.created_from),
            given(asked.created_to),
            given(asked.execution_from),
            given(asked.execution_to),
            None if accounts is None else tuple(sorted({AccountId(account) for account in accounts})),
            creditor_of(creditor).iban if creditor is not None else None,
        )
    )
