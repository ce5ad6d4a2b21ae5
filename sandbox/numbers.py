"""Synthetic numbers: they pass the checks of real numbers and belong to no person."""

_BBAN_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_FIRST_WEIGHTS = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_SECOND_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def _check_digit(weights: tuple[int, ...], digits: str) -> int | None:
    check = -sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True)) % 11
    return None if check == 10 else check


def bban(bank_code: str, number: int) -> str:
    """An account number at a bank: the first from `number` on that has a check digit."""
    while True:
        ten = f"{bank_code}{number % 1_000_000:06d}"
        check = _check_digit(_BBAN_WEIGHTS, ten)
        if check is not None:
            return f"{ten}{check}"
        number += 1


def synthetic_identity_number(day: int, month: int, year: int, individual: int) -> str:
    """An identity number with 80 added to the month, which no person has (Skatteetaten's test population)."""
    while True:
        nine = f"{day:02d}{month + 80:02d}{year % 100:02d}{individual % 500:03d}"
        first = _check_digit(_FIRST_WEIGHTS, nine)
        if first is not None:
            second = _check_digit(_SECOND_WEIGHTS, f"{nine}{first}")
            if second is not None:
                return f"{nine}{first}{second}"
        individual += 1
