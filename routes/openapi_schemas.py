"""JSON Schema for the OpenAPI document: the types that recur, and the shapes that several routes share."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class NamedSchema:
    """A shape that stands once under `components/schemas`; an operation that uses it holds a reference to it."""

    name: str
    schema: "Schema"


Schema = Mapping[str, object] | NamedSchema

OBJECT: Final = {"type": "object"}
TEXT: Final = {"type": "string"}
# A text in an address, such as a state: no route reads more of it.
SHORT_TEXT: Final = {"type": "string", "maxLength": 512}
TIME: Final = {"type": "string", "format": "date-time"}
INTEGER: Final = {"type": "integer"}
BOOLEAN: Final = {"type": "boolean"}
TEXT_OR_NULL: Final = {"type": ["string", "null"]}
TIME_OR_NULL: Final = {"type": ["string", "null"], "format": "date-time"}


def choice(*values: str) -> dict[str, object]:
    """A text that is one of the values."""
    return {**TEXT, "enum": list(values)}


def array(items: Schema) -> dict[str, object]:
    return {"type": "array", "items": items}


def record(properties: Mapping[str, Schema], *, optional: Collection[str] = ()) -> dict[str, object]:
    """An object that has every property, except those that are optional."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


PROBLEM: Final = NamedSchema(
    "Problem",
    record(
        {
            "type": TEXT,
            "title": TEXT,
            "status": INTEGER,
            "detail": TEXT,
            "code": {**TEXT, "description": "Stable, for programs."},
            "field": array(TEXT),
        },
        optional=("field",),
    ),
)
STATUS: Final = NamedSchema("Status", record({"status": choice("ok", "down")}))
