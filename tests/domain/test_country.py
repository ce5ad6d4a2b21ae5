import pytest
from babel import Locale

from domain.country import require_country
from domain.errors import InvalidInput

# What CLDR names beside the countries of ISO 3166-1.
NO_COUNTRY = set(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"])


def test_every_country_of_iso_3166_is_known() -> None:
    territories = map(str, Locale("en").territories)
    named = {code for code in territories if len(code) == 2 and code.isalpha()} - NO_COUNTRY

    assert len(named) == 249
    for code in named:
        require_country(code)


@pytest.mark.parametrize("text", ["", "no", "N", "NOR", "XK", "N\0", "ØØ", "NO ", "NO" * 50_000, *sorted(NO_COUNTRY)])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="two capital letters"):
        require_country(text)
