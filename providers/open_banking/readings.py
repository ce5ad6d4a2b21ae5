"""What every vendor's answers about accounts are read by, whatever their fields are called."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from domain.bank_account import BalanceType
from domain.money import Money, minor_of

# By kind the vendor's words for it, the best first: the first that the bank tells is shown.
Words = Mapping[BalanceType, Sequence[str]]


def money(amount: Mapping[str, str]) -> Money:
    """Of a currency and a decimal string."""
    return Money(minor_of(amount["amount"]), amount["currency"])


def shown(by_type: Mapping[str, Mapping[str, Any]], words: Words) -> list[tuple[BalanceType, Mapping[str, Any]]]:
    """Of a bank's balances those that are shown."""
    return [
        (kind, by_type[word])
        for kind, known in words.items()
        if (word := next((one for one in known if one in by_type), None)) is not None
    ]


class Unnamed:
    """References of transactions that a bank gives none: no unique key is promised (vendor reference 4.3)."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def reference(self, *known: object) -> str:
        """From what is known of one, with an ordinal among the like of it."""
        key = hashlib.sha256("|".join(map(str, known)).encode()).hexdigest()[:32]
        self._seen[key] = self._seen.get(key, 0) + 1
        return f"{key}-{self._seen[key]}"
