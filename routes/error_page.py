"""docs/errors.md: each error code with where it comes from, and what the user and the developer can do.

Codes and their meaning stand in the schema's enums, what users read in schema/texts.toml, the rest in errors.toml.
"""

import tomllib
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final, TypedDict

from domain.error_code import ErrorCode
from domain.locale import ENGLISH
from schema.texts import catalogue
from schema.types.errors import UserErrorCode

_FILE: Final = Path(__file__).parent / "errors.toml"
_ENUMS: Final[Mapping[str, type[Enum]]] = {"userErrors": UserErrorCode, "errors": ErrorCode}
_HEAD: Final = """# Error codes

Generated from the code by `gateway errors export`; `make check` compares.

Branch on a code and never on a message: a code keeps its meaning. A refused input is data, in a payload's `userErrors`
(`code`, `field`, `message` for the user, `developerMessage`). What ends an operation stands beside the data, in
`errors` (`extensions.code`, `extensions.userMessage`, `retryable`). A side-route answers with a problem document
(RFC 9457: `status`, `code`, `detail`, `field`).

What the user reads is in their own language; here it is in English, where `{name}` is a value. A case that can be told
more exactly has a text of its own.
"""


class Lines(TypedDict, total=False):
    """What errors.toml says of a code: `developer` always, the rest where no other place says it."""

    developer: str
    status: int
    why: str
    user: str


@cache
def lines() -> Mapping[str, Lines]:
    """What errors.toml says, by code."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def codes_of_schema() -> set[str]:
    """Every code that a GraphQL client can receive."""
    return {code for enum in _ENUMS.values() for code in enum.__members__}


def exported() -> str:
    """The page. Raises KeyError for a code that lacks its lines."""
    return "\n".join([_HEAD, *(_section(code) for code in sorted({*codes_of_schema(), *lines()}, key=str.upper))])


def _section(code: str) -> str:
    said = lines()[code]
    texts = catalogue()["error"].get(code)
    user = f"“{texts[ENGLISH]}”" if texts else said["user"]
    told = [*_places(code, said), f"- **The user:** {user}", f"- **The developer:** {said['developer']}"]
    return "\n".join([f"## {code}\n", *told]) + "\n"


def _places(code: str, said: Lines) -> list[str]:
    """Where a client meets the code, with what it means there; a command alone answers with what has no place."""
    places = [
        f"- **In `{place}`:** {value.description}"
        for place, enum in _ENUMS.items()
        # Set by strawberry.enum.
        for value in enum.__strawberry_definition__.values  # type: ignore[attr-defined]
        if value.name == code
    ]
    status = f"HTTP {said['status']}" if "status" in said else ""
    if "why" in said:
        places.append(f"- **{status or 'In commands'}:** {said['why']}")
    elif status:
        places.append(f"- **{status}:** the same, of a side-route.")
    return places
