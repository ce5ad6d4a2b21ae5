"""How amounts, balances and transaction references are read, for all open banking vendors."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from domain.bank_account import BalanceType
from domain.money import Money, minor_of

# For each kind of balance the vendor's names, the best first: the first one that the bank sends is shown.
Words = Mapping[BalanceType, Sequence[str]]


def money(amount: Mapping[str, str]) -> Money:
    """The amount of an object that has `currency` and, as a decimal string, `amount`."""
    return Money(minor_of(amount["amount"]), amount["currency"])


def shown_balances(
    by_type: Mapping[str, Mapping[str, Any]], words: Words
) -> list[tuple[BalanceType, Mapping[str, Any]]]:
    """The balances to show: for each kind the first that the bank sends, or none."""
    return [
        (kind, by_type[word])
        for kind, known in words.items()
        if (word := next((name for name in known if name in by_type), None)) is not None
    ]


class GeneratedReferences:
    """References for transactions that have none: no bank promises a key (norwegian_banks.md, Transaction ids)."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def reference(self, *known: object) -> str:
        """A reference made from what is known of a transaction. Equal transactions are numbered."""
        key = hashlib.sha256("|".join(map(str, known)).encode()).hexdigest()[:32]
        self._seen[key] = self._seen.get(key, 0) + 1
        return f"{key}-{self._seen[key]}"
