from string import digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account_number import (
    InvalidAccountNumber,
    bban_check_digit,
    iban_of,
    is_bban,
    is_iban,
    is_kid,
    parse_account_number,
)

TEN = st.text(digits, min_size=10, max_size=10)


@pytest.mark.parametrize(
    ("text", "bban"),
    [
        ("86011117947", "86011117947"),
        ("8601 11 17947", "86011117947"),
        ("8601.11.17947", "86011117947"),
        ("NO93 8601 1117 947", "86011117947"),
        ("no9386011117947", "86011117947"),
    ],
)
def test_a_norwegian_account_is_read_however_it_is_written(text: str, bban: str) -> None:
    number = parse_account_number(text)

    assert (number.bban, number.iban) == (bban, "NO9386011117947")
    assert number.masked == "•••• 7947"


@pytest.mark.parametrize("text", ["GB82WEST12345698765432", "DE89 3704 0044 0532 0130 00", "SE4550000000058398257466"])
def test_a_foreign_iban_has_no_bban(text: str) -> None:
    assert parse_account_number(text).bban is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "86011117946", "8601111794", "NO9486011117947", "NO93860111179471", "xx", "NO93 8601 1117 94é", "²" * 11),
        # Right check digits, but no length of that country, or a country without IBANs.
        *("GB49WEST123456987654321", "DE863704004405320130", "US64SVBKUS6S3300958879"),
        # The remainder of 1, but check digits that are never worked out: 02 to 98 are.
        *("NO9986011111728", "NO0186011112619", "NO0086011113607"),
    ],
)
def test_what_is_no_account_is_refused(text: str) -> None:
    with pytest.raises(InvalidAccountNumber):
        parse_account_number(text)


@given(TEN)
def test_exactly_one_check_digit_fits_unless_none_does(ten: str) -> None:
    fitting = [digit for digit in digits if is_bban(ten + digit)]

    check = bban_check_digit(ten)
    assert fitting == ([] if check is None else [str(check)])


@given(TEN)
def test_the_iban_of_an_account_leads_back_to_it(ten: str) -> None:
    check = bban_check_digit(ten)
    if check is None:
        return
    iban = iban_of(f"{ten}{check}")

    assert is_iban(iban)
    assert parse_account_number(iban).bban == f"{ten}{check}"


@given(TEN, st.integers(0, 14), st.sampled_from(digits))
def test_one_wrong_digit_in_an_iban_is_found(ten: str, position: int, digit: str) -> None:
    check = bban_check_digit(ten)
    if check is None or position < 2:
        return
    iban = iban_of(f"{ten}{check}")
    changed = iban[:position] + digit + iban[position + 1 :]

    assert is_iban(changed) == (changed == iban)


# Luhn: 18, 2345676 of the Norwegian payments handbook; modulus 11: 12345678903, and 6- where the digit would be 10.
@pytest.mark.parametrize("kid", ["18", "2345676", "12345678903", "6-", "0" * 25])
def test_a_kid_with_its_check_digit_is_taken(kid: str) -> None:
    assert is_kid(kid)


@pytest.mark.parametrize("kid", ["", "1", "1234567890", "12345678901234567890123456", "12a4", "-18", "1 8", "١٨"])
def test_a_kid_without_is_not(kid: str) -> None:
    assert not is_kid(kid)


@given(st.text(digits, min_size=1, max_size=24))
def test_every_number_has_at_least_one_kid_and_at_most_two(body: str) -> None:
    fitting = [check for check in (*digits, "-") if is_kid(body + check)]

    assert 1 <= len(fitting) <= 2
