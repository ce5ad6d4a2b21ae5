"""JSON Schema for the OpenAPI document: the types that recur, and the shapes that several routes share."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel


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


def of_model(model: type[BaseModel]) -> dict[str, object]:
    """An object as the model checks it, with the models within written out."""
    schema = model.model_json_schema()
    written: dict[str, object] = _written_out(schema, schema.pop("$defs", {}))
    return written


def _written_out(part: Any, models: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_written_out(one, models) for one in part]
    if not isinstance(part, dict):
        return part
    if (reference := part.get("$ref")) is not None:
        part = {**models[reference.rpartition("/")[2]], **part}
    # A title says the field's name once more; a field that is called so has a shape.
    noise = {name for name, inner in part.items() if name == "$ref" or (name == "title" and isinstance(inner, str))}
    return {name: _written_out(inner, models) for name, inner in part.items() if name not in noise}


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
