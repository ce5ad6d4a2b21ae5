"""What people read, by code and locale: one catalogue, read from texts.toml when the first sentence is asked for."""

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from domain.locale import formatted_day
from domain.money import Money
from domain.text import Text, Value

FILE: Final = Path(__file__).parent / "texts.toml"


def sentence(text: Text, locale: str) -> str:
    """The text in a language, with its values as people there write them. `locale` is one of `LOCALES`.

    Raises KeyError for a text that the catalogue does not have; a test holds the code against it.
    """
    wording = catalogue()[text.kind][text.key][locale]
    return wording.format_map({name: _shown(value, locale) for name, value in text.values.items()})


@cache
def catalogue() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """The wording by kind, key and locale; `{name}` stands for a value."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _shown(value: Value, locale: str) -> str:
    match value:
        case Money():
            return value.formatted(locale)
        case date():
            return formatted_day(value, locale)
        case _:
            return str(value)
