"""What is to be said to a person, before anybody knows in which language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from domain.money import Money

Value = Money | date | int | str


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the catalogue (schema/texts.toml): its kind, its key there, and the values that it names."""

    kind: str
    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
