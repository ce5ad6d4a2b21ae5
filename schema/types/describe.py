"""An enum of the domain as an enum of the schema."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import strawberry

Member = TypeVar("Member", bound=Enum)


def describe(enum: type[Member], name: str, description: str, values: Mapping[Member, str]) -> None:
    """Registers the enum. Raises KeyError where a value has no description."""
    strawberry.enum(enum, name=name, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
        value.description = values[enum(value.value)]
