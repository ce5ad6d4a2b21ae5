from datetime import date

import strawberry
from strawberry import UNSET

from domain.ids import AccountId
from domain.search import folded
from domain.transaction_search import Direction, TransactionSearch, require_sound
from schema.types.absent import given
from schema.types.describe import describe
from schema.types.money import MoneyInput, money_of

describe(
    Direction,
    "TransactionDirection",
    "Which way money went.",
    {Direction.IN: "Money that came onto the account.", Direction.OUT: "Money that left the account."},
)


@strawberry.input(description="Narrows the list to the lines that fit all of it.")
class TransactionFilter:
    text: str | None = strawberry.field(
        description="Part of the counterparty's name, the message or the KID, in any case; 2 to 100 characters.",
        default=UNSET,
    )
    min_amount: MoneyInput | None = strawberry.field(description="At least this much, either way.", default=UNSET)
    max_amount: MoneyInput | None = strawberry.field(description="At most this much, either way.", default=UNSET)
    direction: Direction | None = strawberry.field(description="Only what came in, or what went out.", default=UNSET)
    booked_from: date | None = strawberry.field(description="Booked on this day or later.", default=UNSET)
    booked_to: date | None = strawberry.field(description="Booked on this day or earlier.", default=UNSET)
    accounts: list[strawberry.ID] | None = strawberry.field(
        description="Of these accounts, 100 at most; of all where left out. Another user's account has no lines here.",
        default=UNSET,
    )

    def search(self) -> TransactionSearch:
        """Raises InvalidInput."""
        text, accounts = given(self.text), given(self.accounts)
        return require_sound(
            TransactionSearch(
                folded(text) if text is not None else None,
                money_of(given(self.min_amount)),
                money_of(given(self.max_amount)),
                given(self.direction),
                given(self.booked_from),
                given(self.booked_to),
                None if accounts is None else tuple(sorted({AccountId(account) for account in accounts})),
            )
        )
