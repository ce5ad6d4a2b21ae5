"""Marks in every text that is kept of a person, so that one which appears anywhere else can be told.

A value keeps its form: an e-mail stays one, an IBAN is valid. What is a word of ours, an id, a hash or a time stays.
"""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import JSON, Table, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from db.personal_data import HOLDINGS
from db.sealed import SEALED, Form, SealedColumn
from tests.builders.fields import FIELDS
from tests.builders.gateway import Play

# An id, a word of ours, a hash, a day, a locale or a media type: by them rows are found and read.
_CLOSED: Final = re.compile(
    r"[a-z]{2,6}_[0-9A-Za-z_.-]+|[A-Z0-9]+(_[A-Z0-9]+)*|[0-9a-f]{32,}|\d{4}-\d\d-\d\d.*|[a-z]{2}-[A-Z]{2}|\w+/\w+|"
)
_DIGITS: Final = re.compile(r"\d{6,}")
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,}")
# By them a row is found at its vendor or in a table of ours, and they are no texts of the person.
_WORDS: Final = frozenset(
    {
        *(
            "vendor",
            "provider",
            "port",
            "locale",
            "chosen_locale",
            "template",
            "channel",
            "client",
            "operation",
            "kind",
        ),
        *("action", "trace_id", "summary", "outcome", "operator", "object_key", "event_key", "epoch", "issuer"),
        *("subject", "method", "fingerprint", "key", "type", "content_type", "matched_as", "odd_because", "name_of"),
    }
)
_SEALED: Final[Mapping[tuple[str, str], SealedColumn]] = {(one.table.name, one.name): one for one in SEALED}
# Every canary holds one of these numbers, its own.
_FIRST: Final = 41_000_000
_NUMBER: Final = re.compile(r"(?=(41\d{6}))")
# Tokens and the like: no text of the person's, and no field of any type reads them.
_SECRETS: Final = frozenset({Form.SECRET, Form.SECRET_TEXT})
_ENCODED: Final = re.compile(r"[A-Za-z0-9_-]{12,}={0,2}")


class Canaries:
    """What was planted: each canary's number, and where it stands."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self.ids: set[str] = set()

    def of(self, value: str, place: str) -> str:
        """A value of the same form in its place; itself, where its form is that of a word of ours."""
        number = _FIRST + len(self.places)
        if _IBAN.fullmatch(value):
            canary = _iban(value[:2], f"{number}".ljust(len(value) - 4, "0"))
        elif _DIGITS.fullmatch(value):
            canary = f"{number}".ljust(len(value), "0")
        elif _CLOSED.fullmatch(value):
            return value
        elif value.startswith("+"):
            canary = f"+47{number}"
        elif "@" in value:
            canary = f"kanari{number}@example.no"
        elif value.startswith(("http://", "https://")):
            canary = f"{value}{'&' if '?' in value else '?'}kanari={number}"
        elif value.startswith("/"):
            canary = f"{value}?kanari={number}"
        else:
            canary = f"Kanari {number}"
        self.places[str(number)] = place
        return canary

    def in_json(self, value: Any, place: str) -> Any:
        if isinstance(value, dict):
            return {name: self.in_json(inner, f"{place}.{name}") for name, inner in value.items()}
        if isinstance(value, list):
            return [self.in_json(inner, place) for inner in value]
        return self.of(value, place) if isinstance(value, str) else value

    def found_in(self, text: str) -> set[str]:
        """Where what can be read in the text stands, also under Base64."""
        whole = text + " ".join(_decoded(text))
        return {self.places[number] for number in _NUMBER.findall(whole) if number in self.places}


def _decoded(text: str) -> Iterator[str]:
    for one in _ENCODED.findall(text):
        bare = one.rstrip("=").replace("-", "+").replace("_", "/")
        yield b64decode(bare + "=" * (-len(bare) % 4)).decode("latin-1") if len(bare) % 4 != 1 else ""


def _iban(country: str, rest: str) -> str:
    digits = "".join(str(int(letter, 36)) for letter in rest + country + "00")
    return f"{country}{98 - int(digits) % 97:02d}{rest}"


async def plant(play: Play, user: str) -> Canaries:
    """Put canaries into every row of the user, in place of what stands there."""
    planted = Canaries()
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        for holding in HOLDINGS:
            await _plant_in(connection, planted, holding.table, holding.belongs(user))  # type: ignore[arg-type]
    return planted


async def rows_of(play: Play, user: str) -> dict[str, list[str]]:
    """Every row of the user, by table."""
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        return {
            holding.table.name: sorted(
                str(tuple(row))
                for row in await connection.execute(select(holding.table).where(holding.belongs(user)))  # type: ignore[arg-type]
            )
            for holding in HOLDINGS
        }


async def _plant_in(connection: AsyncConnection, planted: Canaries, table: Table, belongs: Any) -> None:
    for row in (await connection.execute(select(table).where(belongs))).mappings().all():
        if "id" in row:
            planted.ids.add(row["id"])
        changed = {
            column.name: new
            for column in table.columns
            if (new := _planted(planted, table, column.name, column.type, row)) != row[column.name]
        }
        if changed and table.name != "audit_event":  # Its triggers refuse.
            this = and_(*(column == row[column.name] for column in table.primary_key))
            await connection.execute(update(table).where(this).values(**changed))


def _planted(planted: Canaries, table: Table, name: str, kind: Any, row: Mapping[Any, Any]) -> Any:
    stored, place = row[name], f"{table.name}.{name}"
    column = _SEALED.get((table.name, name))
    is_key = table.c[name].primary_key or bool(table.c[name].foreign_keys)
    if stored is None or is_key or (name in _WORDS and column is None) or name.endswith(("_id", "_hash")):
        return stored
    if column is not None:
        return stored if column.form in _SECRETS else _sealed_anew(planted, column, str(row["id"]), stored, place)
    if isinstance(kind, JSON):
        return planted.in_json(stored, place)
    return planted.of(stored, place) if isinstance(stored, str) else stored


def _sealed_anew(planted: Canaries, column: SealedColumn, row_id: str, stored: Any, place: str) -> Any:
    opened = column.opened(FIELDS, row_id, stored)
    if column.form is Form.JSON:
        new = planted.in_json(opened, place)
    elif column.form is Form.RAW:
        new = planted.of("a webhook's body", place).encode()
    else:
        new = planted.of(opened, place)
    return column.sealed(FIELDS, row_id, new)
