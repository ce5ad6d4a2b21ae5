"""Norwegian account numbers (BBAN), their IBAN, and the KID."""

from dataclasses import dataclass

_BBAN_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
# ISO 13616, IBAN registry: how long a country's IBAN is. Other countries have none.
_IBAN_LENGTHS = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FK", "FO", "FI", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"), 20),
    **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "OM", "SO", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("LY", "PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HU", "LB", "NI", "PL", "SV", "HN"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    **dict.fromkeys(("LC",), 32),
    **dict.fromkeys(("RU",), 33),
}


@dataclass(frozen=True, slots=True)
class AccountNumber:
    """A creditor's or debtor's account, without spaces. `bban` is set where the account is Norwegian."""

    iban: str
    bban: str | None = None

    @property
    def masked(self) -> str:
        """The last four digits, the only ones shown in lists and logs."""
        return f"•••• {self.shortest[-4:]}"

    @property
    def shortest(self) -> str:
        """The Norwegian number, which people know, else the IBAN."""
        return self.bban or self.iban


class InvalidAccountNumber(ValueError):
    """Neither a Norwegian account number nor an IBAN, or a check digit is wrong."""


def parse_account_number(text: str) -> AccountNumber:
    """Read an IBAN or a Norwegian 11-digit number; spaces and dots between groups are accepted.

    Raises InvalidAccountNumber. Source: ISO 13616 (IBAN), Norwegian modulus 11 (BBAN).
    """
    compact = text.replace(" ", "").replace(".", "").replace("\u00a0", "").upper()
    if compact.isascii() and compact.isdigit():
        if not is_bban(compact):
            raise InvalidAccountNumber("A Norwegian account number is 11 digits with a valid check digit.")
        return AccountNumber(iban_of(compact), compact)
    if not is_iban(compact):
        raise InvalidAccountNumber("The IBAN is malformed or its check digits are wrong.")
    if not compact.startswith("NO"):
        return AccountNumber(compact)
    bban = compact[4:]
    if not is_bban(bban):
        raise InvalidAccountNumber("The account number inside the IBAN has a wrong check digit.")
    return AccountNumber(compact, bban)


def is_bban(text: str) -> bool:
    """Eleven digits, the last a modulus-11 check digit over the ten before it; remainder 10 is invalid."""
    if len(text) != 11 or not (text.isascii() and text.isdigit()):
        return False
    return bban_check_digit(text[:10]) == int(text[10])


def bban_check_digit(ten_digits: str) -> int | None:
    """The eleventh digit; None where no digit makes the ten an account number."""
    total = sum(weight * int(digit) for weight, digit in zip(_BBAN_WEIGHTS, ten_digits, strict=True))
    check = -total % 11
    return None if check == 10 else check


def iban_of(bban: str) -> str:
    """`NO`, two ISO 13616 check digits and the BBAN."""
    return f"NO{98 - _modulo_97(f'{bban}NO00'):02d}{bban}"


def is_iban(text: str) -> bool:
    """A country with IBANs of this length, check digits, letters or digits, and a remainder of 1 (ISO 13616, 7064)."""
    if not (text.isascii() and text.isalnum() and text[2:4].isdigit()):
        return False
    if len(text) != _IBAN_LENGTHS.get(text[:2]):
        return False
    # 00, 01 and 99 leave the remainder of 97, 98 and 02, and are never worked out.
    return "02" <= text[2:4] <= "98" and _modulo_97(text[4:] + text[:4]) == 1


def _modulo_97(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text)) % 97


def is_kid(text: str) -> bool:
    """A KID is 2 to 25 digits, the last by modulus 10 (Luhn) or modulus 11, where `-` stands for 10."""
    body, check = text[:-1], text[-1:]
    if not (2 <= len(text) <= 25 and body.isascii() and body.isdigit()):
        return False
    if not (check.isascii() and (check.isdigit() or check == "-")):
        return False
    return check in (_luhn_digit(body), _kid_modulus_11(body))


def _luhn_digit(body: str) -> str:
    total = 0
    for position, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def _kid_modulus_11(body: str) -> str:
    total = sum(int(digit) * (2 + position % 6) for position, digit in enumerate(reversed(body)))
    check = -total % 11
    return "-" if check == 10 else str(check)
