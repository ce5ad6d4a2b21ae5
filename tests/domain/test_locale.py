from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.locale import LOCALES, accepted, formatted_day


@pytest.mark.parametrize(
    ("accept_language", "locale"),
    [
        ("", "nb-NO"),
        ("en", "en-GB"),
        ("en-US,en;q=0.9", "en-GB"),
        ("EN-us", "en-GB"),
        ("no", "nb-NO"),
        ("nn-NO, en;q=0.5", "nb-NO"),
        ("nb;q=0.4, en;q=0.8", "en-GB"),
        ("nb ; q = 0.4 , en ; q = 0.4", "nb-NO"),
        ("en;q=0.4, nb;q=0.4", "en-GB"),
        ("sv, da;q=0.9, en;q=0.1", "en-GB"),
        ("sv, da;q=0.9", "nb-NO"),
        ("*", "nb-NO"),
        ("*;q=0.1, en;q=0.5", "en-GB"),
        ("en;q=0", "nb-NO"),
        ("nb;q=0, en", "en-GB"),
        ("en;q=2", "nb-NO"),
        ("en;q=-1, nb", "nb-NO"),
        ("en;q=nan", "nb-NO"),
        ("en;q=abc", "nb-NO"),
        ("en;level=1", "en-GB"),
        (";;,,;q=,=", "nb-NO"),
        ("\x00\ud800", "nb-NO"),
        (None, "nb-NO"),
        ({"en": 1}, "nb-NO"),
        (7, "nb-NO"),
    ],
)
def test_the_best_of_our_languages_is_found(accept_language: object, locale: str) -> None:
    assert accepted(accept_language) == locale


def test_what_lies_far_into_a_long_header_is_not_read() -> None:
    assert accepted("sv," * 10 + "en") == "en-GB"
    assert accepted("sv," * 5_000 + "en") == "nb-NO"
    assert accepted("en;q=" + "9" * 100_000) == "nb-NO"


@given(st.text())
def test_any_text_gives_a_language_of_ours(accept_language: str) -> None:
    assert accepted(accept_language) in LOCALES


def test_a_day_reads_as_people_write_it() -> None:
    assert [formatted_day(date(2026, 11, 5), locale) for locale in LOCALES] == ["5. november 2026", "5 November 2026"]
