"""The people whom the vendors know: the personas, and people invented at the login page."""

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from sandbox.numbers import bban, synthetic_identity_number

_FILE: Final = Path(__file__).parent / "personas.toml"
_FIRST_NAMES: Final = ("Nora", "Emil", "Sofie", "Jakob", "Ida", "Magnus", "Thea", "Sander", "Maja", "Filip")
_LAST_NAMES: Final = ("Solberg", "Haugen", "Bakken", "Moen", "Strand", "Lund", "Vik", "Aune", "Fosse", "Nes")


@dataclass(frozen=True, slots=True)
class Bank:
    id: str
    name: str
    bic: str
    code: str
    part_of: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """`opening_minor` is the balance before the ledger's first booking, in oere."""

    resource_id: str
    bank: str
    bban: str
    name: str
    owner_name: str
    opening_minor: int


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    about: str
    identity_number: str
    phone: str
    kyc: str
    accounts: tuple[Account, ...]

    def at_bank(self, bank: str) -> tuple[Account, ...]:
        return tuple(account for account in self.accounts if account.bank == bank)


@cache
def banks() -> dict[str, Bank]:
    return {
        bank["id"]: Bank(bank["id"], bank["name"], bank["bic"], bank["code"], bank.get("part_of"))
        for bank in tomllib.loads(_FILE.read_text())["bank"]
    }


@cache
def personas() -> dict[str, Person]:
    found = {}
    for number, entry in enumerate(tomllib.loads(_FILE.read_text())["persona"], start=1):
        accounts = [
            _account(bank, number * 1000 + index * 100, account["name"], entry["name"], account["balance"])
            for bank, held in entry["accounts"].items()
            for index, account in enumerate(held)
        ]
        born: date = entry["born"]
        found[entry["id"]] = Person(
            entry["id"],
            entry["name"],
            entry["about"],
            synthetic_identity_number(born.day, born.month, born.year, number * 40),
            _phone(number),
            entry["kyc"],
            tuple(accounts),
        )
    return found


def someone_new(number: int) -> Person:
    """The nth invented person: the same on every run, with an account at every bank."""
    # Fixed strides walk the lists without repeating a pair for the first hundred.
    name = f"{_FIRST_NAMES[number % 10]} {_LAST_NAMES[(number // 10 + number) % 10]} {_roman(number)}"
    year = 1970 + number % 35
    identity_number = synthetic_identity_number(1 + number % 28, 1 + number % 12, year, 300 + number)
    accounts = tuple(
        _account(bank.id, 500_000 + number * 100, "Brukskonto", name, 2_500_000)
        for bank in banks().values()
        if bank.part_of is None
    )
    phone = _phone(10_000 + number)
    return Person(f"new{number}", name, "Made up at the login page", identity_number, phone, "approved", accounts)


def _phone(number: int) -> str:
    return f"+47400{number:05d}"


def person(identifier: str) -> Person | None:
    """A persona, or a person invented earlier, by the id alone."""
    if identifier.startswith("new") and identifier[3:].isdigit() and len(identifier) < 9:
        return someone_new(int(identifier[3:]))
    return personas().get(identifier)


def is_lucky(seed: str, key: str) -> bool:
    """True for nine in ten, and the same on every run with the same seed."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return digest[0] * 256 + digest[1] < 0.9 * 65_536


def _account(bank: str, number: int, name: str, owner: str, balance: int) -> Account:
    account_number = bban(banks()[bank].code, number)
    resource_id = hashlib.sha256(account_number.encode()).hexdigest()[:16]
    return Account(resource_id, bank, account_number, name, owner, balance)


def _roman(number: int) -> str:
    """A Roman numeral: a plain number would look like a mistake in a name."""
    numerals = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
    text = ""
    for value, numeral in numerals:
        while number >= value:
            text += numeral
            number -= value
    return text
