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


@given(st.integers(-(10**15), 10**15))
def test_a_decimal_string_leads_back_to_the_same_amount(minor: int) -> None:
    assert minor_of(decimal_of(minor)) == minor


def test_more_decimals_than_the_currency_are_refused() -> None:
    with pytest.raises(ValueError, match="more decimals"):
        minor_of("1.001")
