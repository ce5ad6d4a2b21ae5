"""Countries by their codes (ISO 3166-1 alpha-2)."""

from collections.abc import Mapping
from typing import Final

from domain.errors import InvalidInput

# The second letters of the codes, by the first.
_SECOND: Final[Mapping[str, str]] = {
    "A": "DEFGILMOQRSTUWXZ",
    "B": "ABDEFGHIJLMNOQRSTVWYZ",
    "C": "ACDFGHIKLMNORUVWXYZ",
    "D": "EJKMOZ",
    "E": "CEGHRST",
    "F": "IJKMOR",
    "G": "ABDEFGHILMNPQRSTUWY",
    "H": "KMNRTU",
    "I": "DELMNOQRST",
    "J": "EMOP",
    "K": "EGHIMNPRWYZ",
    "L": "ABCIKRSTUVY",
    "M": "ACDEFGHKLMNOPQRSTUVWXYZ",
    "N": "ACEFGILOPRUZ",
    "O": "M",
    "P": "AEFGHKLMNRSTWY",
    "Q": "A",
    "R": "EOSUW",
    "S": "ABCDEGHIJKLMNORSTVXYZ",
    "T": "CDFGHJKLMNORTVWZ",
    "U": "AGMSYZ",
    "V": "ACEGINU",
    "W": "FS",
    "Y": "ET",
    "Z": "AMW",
}


def require_country(code: str) -> None:
    """Raises InvalidInput for what is no country's code: no text of a client's goes to a vendor, or stays here."""
    if len(code) != 2 or code[1] not in _SECOND.get(code[0], ""):
        message = "Give a country as two capital letters (ISO 3166-1 alpha-2), such as NO."
        raise InvalidInput("BAD_USER_INPUT", message, field=("country",))
