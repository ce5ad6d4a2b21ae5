import re
from decimal import Decimal

import pytest
from babel import Locale
from babel.localedata import locale_identifiers
from babel.numbers import parse_pattern
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money, decimal_of, exponent_of, minor_of


@pytest.mark.parametrize(
    ("minor", "locale", "text"),
    [
        (123_450, "nb-NO", "1\u00a0234,50\u00a0kr"),
        (-5, "nb-NO", "-0,05\u00a0kr"),
        (123_450, "en", "NOK\u00a01,234.50"),
        (100, "no-such-locale", "1,00\u00a0kr"),
    ],
)
def test_money_reads_as_people_write_it(minor: int, locale: str, text: str) -> None:
    assert Money(minor).formatted(locale) == text


@pytest.mark.parametrize(
    ("currency", "text"),
    [
        ("JPY", "¥1,200"),
        ("KWD", "KWD\u00a01.200"),
        ("BHD", "BHD\u00a01.200"),
        ("IQD", "IQD\u00a01.200"),
        ("RSD", "RSD\u00a012.00"),
        ("ISK", "ISK\u00a01,200"),
        ("CLF", "CLF\u00a00.1200"),
    ],
)
def test_money_is_written_with_the_decimals_of_its_currency(currency: str, text: str) -> None:
    assert Money(1_200, currency).formatted("en") == text


_AMOUNTS = st.integers(-(2**63) + 1, 2**63 - 1)
_CURRENCIES = ["NOK", "EUR", "USD", "CHF", "INR", "JPY", "KWD", "IQD", "CLF", "XXX", "ABC"]


def by_babel(minor: int, currency: str, locale: str) -> str:
    known, decimals = Locale.parse(locale), exponent_of(currency)
    pattern = parse_pattern(known.currency_formats["standard"].pattern)
    pattern.frac_prec = (decimals, decimals)
    amount = Decimal(minor).scaleb(-decimals)
    text = pattern.apply(amount, known, currency=currency, currency_digits=False)
    return re.sub(r"(?<=[^\W\d_])(?=\d)", "\u00a0", text)


@given(
    st.one_of(_AMOUNTS, st.integers(-2_000, 200_000)),
    st.sampled_from(_CURRENCIES),
    st.sampled_from(sorted(locale_identifiers())),
)
def test_money_reads_as_babel_writes_it(minor: int, currency: str, locale: str) -> None:
    assert Money(minor, currency).formatted(locale) == by_babel(minor, currency, locale)


@given(_AMOUNTS, st.sampled_from(["NOK", "JPY", "KWD", "CLF"]))
def test_a_decimal_string_leads_back_to_the_same_amount(minor: int, currency: str) -> None:
    assert minor_of(decimal_of(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("decimal", "currency", "minor"),
    [("1000", "JPY", 1_000), ("12.345", "KWD", 12_345), ("12.340", "NOK", 1_234), ("-0.05", "NOK", -5)],
)
def test_minor_units_follow_iso_4217(decimal: str, currency: str, minor: int) -> None:
    assert minor_of(decimal, currency) == minor


@pytest.mark.parametrize(
    "decimal",
    ["1.001", "1000,00", "", "Infinity", "NaN", "1_000", "1e3", "١٢", "99999999999999999999", "92233720368547758.08"],
)
def test_what_is_no_amount_in_kroner_is_refused(decimal: str) -> None:
    with pytest.raises(ValueError):
        minor_of(decimal)
