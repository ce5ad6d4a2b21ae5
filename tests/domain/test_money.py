import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money, decimal_of, minor_of


@pytest.mark.parametrize(
    ("minor", "locale", "text"),
    [
        (123_450, "nb-NO", "1\u00a0234,50\u00a0kr"),
        (-5, "nb-NO", "-0,05\u00a0kr"),
        (123_450, "en", "NOK1,234.50"),
        (100, "no-such-locale", "1,00\u00a0kr"),
    ],
)
def test_money_reads_as_people_write_it(minor: int, locale: str, text: str) -> None:
    assert Money(minor).formatted(locale) == text


@pytest.mark.parametrize(
    ("currency", "text"),
    [
        ("JPY", "¥1,200"),
        ("KWD", "KWD1.200"),
        ("BHD", "BHD1.200"),
        ("IQD", "IQD1.200"),
        ("RSD", "RSD12.00"),
        ("ISK", "ISK1,200"),
        ("CLF", "CLF0.1200"),
    ],
)
def test_money_is_written_with_the_decimals_of_its_currency(currency: str, text: str) -> None:
    assert Money(1_200, currency).formatted("en") == text


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(["NOK", "JPY", "KWD", "CLF"]))
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
